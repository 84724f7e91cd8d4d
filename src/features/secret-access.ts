/** What to say of a Secret that the operator may not read. */
export const noAccess = 'may not be read by the operator, which has no access to Secrets';
export const grantAccess = 'Start the operator with --read-secrets and let it read this Secret';
