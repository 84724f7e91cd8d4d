import { goldenSuite } from '../../testing/golden.ts';

goldenSuite(import.meta.url, { shows: ['routes', 'guards'] });
