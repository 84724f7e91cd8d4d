import { goldenSuite } from '../../testing/golden.ts';

goldenSuite(import.meta.url, { shows: ['telemetry', 'clusters'], longest: 200 });
