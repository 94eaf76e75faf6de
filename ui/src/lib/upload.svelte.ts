// A file on its way to the desk, in parts. Its hash is taken here first where the browser can: what is scanned must be
// what was sent. A part that gets lost is sent again; what the desk has it need not get twice.
import { post, Problem, send } from "./api";
import type { StoredFile } from "./types";

const hashable = 256 << 20; // the browser hashes whole buffers only

async function hashOf(file: File): Promise<string> {
	if (file.size > hashable || !crypto.subtle) return "";
	const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
	return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

export class Upload {
	sent = $state(0);
	sha256 = $state("");
	error = $state<unknown>(null);
	done = $state.raw<StoredFile | null>(null);

	constructor(
		readonly file: File,
		readonly system: string,
	) {}

	async #part(id: StoredFile["id"], n: number, bytes: Blob) {
		for (let tries = 0; ; tries++) {
			try {
				return await send("PUT", `files/${id}/parts/${n}`, bytes);
			} catch (e) {
				const passing = e instanceof Problem && (e.status === 0 || e.status === 503 || e.status === 429);
				if (!passing || tries === 4) throw e;
				await pause(500 << tries);
			}
		}
	}

	async start() {
		this.error = null;
		this.sent = 0;
		try {
			this.sha256 = await hashOf(this.file);
			const one = await post<StoredFile>("files", {
				name: this.file.name.normalize("NFC"), size: this.file.size,
				...(this.sha256 ? { sha256: this.sha256 } : {}), ...(this.system ? { system: this.system } : {}),
			});
			const step = one.part_bytes ?? 1 << 20;
			for (let n = 0; n * step < this.file.size; n++) {
				const to = Math.min(this.file.size, (n + 1) * step);
				await this.#part(one.id, n, this.file.slice(n * step, to));
				this.sent = to;
			}
			this.done = await post<StoredFile>(`files/${one.id}/complete`, {});
		} catch (e) {
			this.error = e;
		}
		return this.done;
	}
}
