// Gets a certificate with acme-client: account by external binding, http-01, another key, the account closed.
import http from 'node:http';
import acme from 'acme-client';

const asked = JSON.parse(process.argv[2]);
const answers = new Map();
const server = http.createServer((request, response) => {
  const body = answers.get(request.url.split('/').pop());
  response.writeHead(body ? 200 : 404);
  response.end(body ?? '');
});
await new Promise((resolve) => server.listen(asked.port, '127.0.0.1', resolve));

const client = new acme.Client({
  directoryUrl: asked.directory,
  accountKey: await acme.crypto.createPrivateEcdsaKey(),
  externalAccountBinding: { kid: asked.key_id, hmacKey: asked.hmac_key },
  backoffMin: 200,
  backoffMax: 1000,
});
const [, csr] = await acme.crypto.createCsr({ commonName: asked.name, altNames: [asked.name] });
const chain = await client.auto({
  csr,
  email: 'red@pruebas.gob.ec',
  termsOfServiceAgreed: true,
  skipChallengeVerification: true,
  challengePriority: ['http-01'],
  challengeCreateFn: async (_authorization, challenge, value) => answers.set(challenge.token, value),
  challengeRemoveFn: async (_authorization, challenge) => answers.delete(challenge.token),
});
const before = client.getAccountUrl();
await client.updateAccountKey(await acme.crypto.createPrivateRsaKey(2048));
const changed = client.getAccountUrl() === before;
const closed = await client.updateAccount({ status: 'deactivated' });
server.close();
console.log(JSON.stringify({ chain, changed, accountStatus: closed.status }));
process.exit(0);
