// One relying application's part of a login, on openid-client. It prints what the browser must open, reads where the
// browser ended, and prints what it then learned: one JSON value a line.
//
// usage: node journey.mjs '{"issuer", "client_id", "client_secret", "redirect_uri", "post_logout_redirect_uri", "scope"}'
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'

globalThis.crypto ??= webcrypto // Node.js 18
const client = await import('openid-client')

const given = JSON.parse(process.argv[2])
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (value) => console.log(JSON.stringify(value))

const authentication = given.client_secret ? client.ClientSecretBasic(given.client_secret) : client.None()
const config = await client.discovery(new URL(given.issuer), given.client_id, given.metadata ?? {}, authentication)
// Signatures are checked, not only TLS trusted.
client.enableNonRepudiationChecks(config)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
say({
  open: client.buildAuthorizationUrl(config, {
    redirect_uri: given.redirect_uri,
    scope: given.scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  }).href,
})

const { value: callback } = await lines.next()
const tokens = await client.authorizationCodeGrant(config, new URL(callback), {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)

let refreshed = null
let reuse = null
if (tokens.refresh_token) {
  const second = await client.refreshTokenGrant(config, tokens.refresh_token)
  refreshed = { rotated: second.refresh_token !== tokens.refresh_token, sub: second.claims()?.sub ?? null }
  await client.tokenRevocation(config, second.refresh_token)
  reuse = await client.refreshTokenGrant(config, second.refresh_token).then(() => 'accepted', (error) => error.error)
}
say({
  claims,
  userinfo,
  refreshed,
  reuse,
  logout: client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: given.post_logout_redirect_uri,
  }).href,
})
process.exit(0)
