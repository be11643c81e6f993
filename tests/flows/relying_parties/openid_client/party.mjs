// A relying application on openid-client, told step by step what to do: one JSON value a line in, one a line out.
// {"do": STEP, ...} is answered by {"done": RESULT} or {"failed": {"code", "error", "description"}}.
import { webcrypto } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'

// What Node.js 18 has and does not show.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
const client = await import('openid-client')
const jose = await import('jose')

const IMPORTS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  'RSA-OAEP-256': { name: 'RSA-OAEP', hash: 'SHA-256' },
  'ECDH-ES': { name: 'ECDH', namedCurve: 'P-256' },
}
const USES = { 'RSA-OAEP-256': ['decrypt'], 'ECDH-ES': ['deriveBits'] }

let config
let dpop // options that bind each request to this application's key, once asked for
let pending = {} // of the authorization request under way

async function privateKey({ jwk, alg }) {
  const { use, alg: _, ...members } = jwk
  const key = await crypto.subtle.importKey('jwk', members, IMPORTS[alg], false, USES[alg] ?? ['sign'])
  return { key, kid: jwk.kid }
}

// The built-in fetch shows no client certificate.
const fetchWithCertificate = ({ cert, key }) => (url, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const sent = httpsRequest(url, { method, headers: Object.fromEntries(new Headers(headers)), cert, key }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => {
        const empty = [204, 304].includes(answer.statusCode)
        const had = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each]))
        resolve(new Response(empty ? null : Buffer.concat(parts), { status: answer.statusCode, headers: had }))
      })
    })
    sent.on('error', reject)
    sent.end(body instanceof URLSearchParams ? body.toString() : body)
  })

async function authentication({ method, secret, ...signing }) {
  switch (method) {
    case 'client_secret_basic': return client.ClientSecretBasic(secret)
    case 'client_secret_post': return client.ClientSecretPost(secret)
    case 'client_secret_jwt': return client.ClientSecretJwt(secret)
    case 'private_key_jwt': return client.PrivateKeyJwt(await privateKey(signing))
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth': return client.TlsClientAuth()
    default: return client.None()
  }
}

async function prepare(given) {
  if (given.tls) config[client.customFetch] = fetchWithCertificate(given.tls)
  if (given.jarm) client.useJwtResponseMode(config)
  if (given.response_type === 'code id_token') client.useCodeIdTokenResponseType(config)
  if (given.response_type === 'id_token') client.useIdTokenResponseType(config)
  if (given.decrypt) client.enableDecryptingResponses(config, [given.decrypt.enc], await privateKey(given.decrypt))
  // Signatures are checked, not only TLS trusted.
  client.enableNonRepudiationChecks(config)
  dpop = given.dpop ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(given.dpop)) } : undefined
}

const learned = (tokens) => ({ ...tokens, claims: tokens.claims?.() ?? null })

const steps = {
  async configure({ issuer, client_id, metadata = {}, auth = {}, ...rest }) {
    const options = rest.tls ? { [client.customFetch]: fetchWithCertificate(rest.tls) } : {}
    config = await client.discovery(new URL(issuer), client_id, metadata, await authentication(auth), options)
    await prepare(rest)
    return config.serverMetadata()
  },
  async register({ issuer, metadata, initial_access_token, auth, ...rest }) {
    const options = { initialAccessToken: initial_access_token }
    const shown = auth ? await authentication(auth) : undefined
    config = await client.dynamicClientRegistration(new URL(issuer), metadata, shown, options)
    await prepare(rest)
    return config.clientMetadata()
  },
  async authorize({ parameters, pushed = false, signed = null, pkce = true }) {
    pending = {
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
      ...(pkce ? { pkceCodeVerifier: client.randomPKCECodeVerifier() } : {}),
    }
    const asked = new URLSearchParams({
      ...parameters,
      state: pending.expectedState,
      nonce: pending.expectedNonce,
      ...(pkce
        ? {
            code_challenge: await client.calculatePKCECodeChallenge(pending.pkceCodeVerifier),
            code_challenge_method: 'S256',
          }
        : {}),
    })
    if (signed) {
      const request = await client.buildAuthorizationUrlWithJAR(config, asked, await privateKey(signed))
      if (!pushed) return request.href
      return (await client.buildAuthorizationUrlWithPAR(config, request.searchParams, dpop)).href
    }
    if (pushed) return (await client.buildAuthorizationUrlWithPAR(config, asked, dpop)).href
    return client.buildAuthorizationUrl(config, asked).href
  },
  async callback({ url, form = null, parameters = {}, max_age }) {
    const checks = { ...pending, idTokenExpected: true, ...(max_age === undefined ? {} : { maxAge: max_age }) }
    const came = form
      ? new Request(url, { method: 'POST', body: new URLSearchParams(form) })
      : new URL(url)
    return learned(await client.authorizationCodeGrant(config, came, checks, parameters, dpop))
  },
  async implicit({ url }) {
    return client.implicitAuthentication(config, new URL(url), pending.expectedNonce, { expectedState: pending.expectedState })
  },
  async refresh({ token, parameters = {} }) {
    return learned(await client.refreshTokenGrant(config, token, parameters, dpop))
  },
  async client_credentials({ parameters = {} }) {
    return client.clientCredentialsGrant(config, parameters, dpop)
  },
  async grant({ grant_type, parameters }) {
    return learned(await client.genericGrantRequest(config, grant_type, parameters, dpop))
  },
  async device({ parameters }) {
    pending.device = await client.initiateDeviceAuthorization(config, parameters)
    return pending.device
  },
  async poll_device() {
    return learned(await client.pollDeviceAuthorizationGrant(config, pending.device, undefined, dpop))
  },
  async ciba({ parameters }) {
    pending.ciba = await client.initiateBackchannelAuthentication(config, parameters)
    return pending.ciba
  },
  async poll_ciba() {
    return learned(await client.pollBackchannelAuthenticationGrant(config, pending.ciba, undefined, dpop))
  },
  async userinfo({ token, sub }) {
    return client.fetchUserInfo(config, token, sub, dpop)
  },
  async introspect({ token }) {
    return client.tokenIntrospection(config, token)
  },
  async revoke({ token }) {
    await client.tokenRevocation(config, token)
  },
  async resource({ token, url }) {
    const answer = await client.fetchProtectedResource(config, token, new URL(url), 'GET', undefined, undefined, dpop)
    return { status: answer.status, body: await answer.text() }
  },
  // openid-client leaves this to its sibling: Back-Channel Logout 1.0 §2.6, by the provider's published keys.
  async logout_token({ token }) {
    const { jwks_uri, issuer } = config.serverMetadata()
    const { client_id } = config.clientMetadata()
    const keys = jose.createRemoteJWKSet(new URL(jwks_uri))
    const checked = await jose.jwtVerify(token, keys, {
      issuer, audience: client_id, typ: 'logout+jwt', algorithms: [config.clientMetadata().id_token_signed_response_alg],
      requiredClaims: ['iat', 'exp', 'jti', 'sub', 'sid', 'events'],
    })
    return checked.payload
  },
  async end_session({ parameters }) {
    return client.buildEndSessionUrl(config, parameters).href
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: step, ...given } = JSON.parse(line)
  try {
    console.log(JSON.stringify({ done: (await steps[step](given)) ?? null }))
  } catch (error) {
    const { code, error: name, error_description: description, message, status, cause } = error
    console.log(JSON.stringify({ failed: { code, error: name ?? cause?.error ?? cause?.[0]?.parameters?.error, description: description ?? message, status, cause: String(cause?.message ?? '') } }))
  }
}
