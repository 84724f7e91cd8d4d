import { describe, expect, test } from '@jest/globals';
import { hostProblem } from './uri.ts';

describe('where nobody may fetch keys from', () => {
  test.each([
    ['localhost', 'localhost is this machine itself'],
    ['LOCALHOST.', 'LOCALHOST. is this machine itself'],
    ['keys.localhost', 'keys.localhost is this machine itself'],
    ['127.0.0.1', '127.0.0.1 is a loopback address'],
    ['127.9.9.9', '127.9.9.9 is a loopback address'],
    ['[::1]', '[::1] is a loopback address'],
    ['[::ffff:127.0.0.1]', '[::ffff:127.0.0.1] is a loopback address'],
    ['[::127.0.0.1]', '[::127.0.0.1] is a loopback address'],
    ['[64:ff9b::7f00:1]', '[64:ff9b::7f00:1] is a loopback address'],
    ['[2002:7f00:1::]', '[2002:7f00:1::] is a loopback address'],
    ['0.0.0.0', '0.0.0.0 is an unspecified address'],
    ['[::]', '[::] is an unspecified address'],
    ['169.254.1.1', '169.254.1.1 is a link-local address'],
    ['[fe80::1]', '[fe80::1] is a link-local address'],
    ['fe80::1%eth0', 'fe80::1%eth0 is a link-local address'],
    ['[::ffff:169.254.1.1]', '[::ffff:169.254.1.1] is a link-local address'],
    ['[64:ff9b::a9fe:101]', '[64:ff9b::a9fe:101] is a link-local address'],
    ['169.254.169.254', "169.254.169.254 is the cloud's metadata service"],
    ['[64:ff9b::a9fe:a9fe]', "[64:ff9b::a9fe:a9fe] is the cloud's metadata service"],
    ['[fd00:ec2::254]', "[fd00:ec2::254] is the cloud's metadata service"],
    ['100.100.100.200', "100.100.100.200 is the cloud's metadata service"],
    ['168.63.129.16', "168.63.129.16 is the cloud's metadata service"],
    ['metadata.google.internal', "metadata.google.internal is the cloud's metadata service"],
    ['224.0.0.1', '224.0.0.1 is a multicast address'],
    ['255.255.255.255', '255.255.255.255 is a broadcast address'],
    ['0x7f.1', '0x7f.1 is not a hostname or a plain IP address'],
    ['2130706433', '2130706433 is not a hostname or a plain IP address'],
    ['127.1', '127.1 is not a hostname or a plain IP address'],
    ['0177.0.0.1', '0177.0.0.1 is not a hostname or a plain IP address'],
  ])('%s', (host, problem) => expect(hostProblem(host)).toBe(problem));

  test.each([
    'login.example.com',
    '10.0.0.7',
    '192.168.1.1',
    '[fd00::7]',

    '8.8.8.8',
    '[64:ff9b::808:808]',
  ])('but %s is fine', (host) => expect(hostProblem(host)).toBeUndefined());
});
