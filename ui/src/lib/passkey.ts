// Passkeys: what the server asks, in the browser's own form, and the browser's answer as the server reads it.

export interface Challenge {
	challenge: string;
	rp: string;
	timeout_ms: number;
	verification?: UserVerificationRequirement;
	credentials?: string[];
	exclude?: string[];
	user?: { id: string; name: string; title: string };
	ticket?: string;
}

/** Browsers give passkeys to secure pages with a name: https, or localhost. */
export const passkeysHere = () => isSecureContext && "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(location.hostname);

const bytes = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const known = (ids: string[] = []) => ids.map((id): PublicKeyCredentialDescriptor => ({ type: "public-key", id: bytes(id) }));

export async function makePasskey(c: Challenge) {
	const made = (await navigator.credentials.create({
		publicKey: {
			challenge: bytes(c.challenge),
			rp: { id: c.rp, name: "Khiên" },
			user: { id: bytes(c.user!.id), name: c.user!.name, displayName: c.user!.title },
			pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
			excludeCredentials: known(c.exclude),
			authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
			attestation: "none",
			timeout: c.timeout_ms,
		},
	})) as PublicKeyCredential;
	const answer = made.response as AuthenticatorAttestationResponse;
	return { client: text(answer.clientDataJSON), authenticator: text(answer.getAuthenticatorData()) };
}

export async function askPasskey(c: Challenge) {
	const got = (await navigator.credentials.get({
		publicKey: { challenge: bytes(c.challenge), rpId: c.rp, allowCredentials: known(c.credentials), userVerification: c.verification, timeout: c.timeout_ms },
	})) as PublicKeyCredential;
	const answer = got.response as AuthenticatorAssertionResponse;
	return { id: got.id, client: text(answer.clientDataJSON), authenticator: text(answer.authenticatorData), signature: text(answer.signature) };
}

/** The person closed the browser's window, or nothing answered in time. */
export const isAway = (e: unknown) => e instanceof DOMException && (e.name === "NotAllowedError" || e.name === "AbortError");
