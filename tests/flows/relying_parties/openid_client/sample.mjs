import * as client from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, client.ClientSecretBasic(CLIENT_SECRET))

// Send the browser to `url`; keep `checks` in its session.
export async function begin() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() }
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI, scope: 'openid profile cedula',
    state: checks.expectedState, nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  })
  return { url, checks }
}

// `address` is the whole one at which the browser came back.
export async function finish(address, checks) {
  const tokens = await client.authorizationCodeGrant(config, new URL(address), checks)
  return client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
}
