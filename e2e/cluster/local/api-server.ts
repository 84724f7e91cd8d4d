/** Asking the local API server whether it is ready. */
import { request } from 'node:https';
import { readCertificate } from './certificates.ts';
import { apiServerPort, nodeAddress, type Places } from './places.ts';

const answerMs = 2000;

/** False while it starts, ends, or cannot be reached. */
export async function isReady({ certificates }: Places): Promise<boolean> {
  const authority = await readCertificate(certificates, 'ca');
  const admin = await readCertificate(certificates, 'admin');
  const tls = { ca: authority.certificate, cert: admin.certificate, key: admin.key };
  return new Promise((resolve) => {
    const options = {
      host: nodeAddress,
      port: apiServerPort,
      path: '/readyz',
      timeout: answerMs,
      agent: false,
      ...tls,
    };
    const asked = request(options, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', () => resolve(false));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer')));
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
