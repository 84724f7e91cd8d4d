import { goldenSuite } from '../testing/golden.ts';

goldenSuite(import.meta.url, { shows: ['hardening'], longest: 140 });
