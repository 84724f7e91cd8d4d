import { goldenSuite } from '../golden.ts';

goldenSuite(import.meta.url, { shows: ['routes', 'guards'] });
