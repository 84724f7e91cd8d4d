export { padding, tarEnd, tarHeader } from '../../../src/controllers/support/tar.ts';
