// oidc-provider as the peer: two workers over PostgreSQL, told by one JSON file what to serve.
//   node server.mjs CONFIGURATION.json
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';
import { adapterOver, createSchema, findAccountRow, openPool } from './adapter.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const HOUR = 3600;

if (cluster.isPrimary) {
  const pool = openPool(given.database, 1);
  await createSchema(pool);
  await pool.query('INSERT INTO account SELECT * FROM json_populate_recordset(NULL::account, $1) ON CONFLICT DO NOTHING',
    [JSON.stringify(given.accounts)]);
  await pool.end();
  for (let number = 0; number < given.workers; number += 1) cluster.fork();
} else {
  serve();
}

function serve() {
  const pool = openPool(given.database, given.connections);
  const provider = new Provider(given.issuer, {
    adapter: adapterOver(pool),
    clients: given.clients,
    jwks: given.jwks,
    cookies: { keys: given.cookieKeys },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name', 'given_name', 'family_name'], email: ['email', 'email_verified'] },
    findAccount: async (_ctx, id) => {
      const row = await findAccountRow(pool, id);
      return row && {
        accountId: id,
        claims: async () => ({
          sub: id,
          name: `${row.given_name} ${row.family_name}`,
          given_name: row.given_name,
          family_name: row.family_name,
          email: row.email,
          email_verified: true,
        }),
      };
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // It takes offline_access only with prompt=consent, which would ask the person each time.
    issueRefreshToken: async (_ctx, client) => client.clientId === given.offlineClient,
    expiresWithSession: async (_ctx, token) => token.clientId !== given.offlineClient,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: HOUR, ClientCredentials: HOUR, Grant: 24 * HOUR, IdToken: HOUR, Interaction: HOUR,
      RefreshToken: 24 * HOUR, Session: 24 * HOUR, AuthorizationCode: 60,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => undefined,
        useGrantedResource: async () => false,
        getResourceServerInfo: async (_ctx, resource) => ({
          scope: 'read',
          audience: resource,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: given.resources[resource] } },
        }),
      },
    },
  });
  provider.use(logInAtOnce(provider));
  provider.listen(given.port, '127.0.0.1');
}

// Nobody sits before a benchmark: whoever the request names in login_hint is logged in and has allowed all of it.
function logInAtOnce(provider) {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const { params } = await provider.interactionDetails(ctx.req, ctx.res);
    const grant = new provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const grantId = await grant.save();
    await provider.interactionFinished(ctx.req, ctx.res, {
      login: { accountId: params.login_hint }, consent: { grantId },
    }, { mergeWithLastSubmission: false });
    ctx.respond = false;
    return undefined;
  };
}
