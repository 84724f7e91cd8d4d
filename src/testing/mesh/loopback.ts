/** Loopback addresses that no other test uses: each has all ports for itself. */
import process from 'node:process';

/** Each call of the function gives another one; runs at the same time have networks of their own, most likely. */
export function loopback(): () => string {
  let count = 0;
  const network = 2 + (process.pid % 250);
  const begin = Math.floor(Math.random() * 200);
  return () => {
    count += 1;
    return `127.${network}.${begin + Math.floor(count / 250)}.${1 + (count % 250)}`;
  };
}
