// A file on its way to the desk, in parts, with its hash taken here as well: what arrives must be what was sent.
import { Problem, post, send } from "./api";
import type { StoredFile } from "./types";

const part = 4 << 20;

export class Upload {
	name = $state("");
	size = $state(0);
	sent = $state(0);
	sha256 = $state("");
	error = $state<unknown>(null);
	done = $state.raw<StoredFile | null>(null);

	constructor(readonly file: File) {
		this.name = file.name;
		this.size = file.size;
	}

	async start() {
		this.error = null;
		this.sent = 0;
		try {
			void this.#hash();
			const begun = await post<StoredFile & { part_size?: number }>("files", { name: this.name.normalize("NFC"), size: this.size });
			const step = begun.part_size ?? part;
			let last: StoredFile = begun;
			for (let from = 0; from < this.size; from += step) {
				const to = Math.min(this.size, from + step);
				last = (await send<StoredFile | undefined>("PUT", `files/${begun.id}/parts/${from / step}`, this.file.slice(from, to))) ?? last;
				this.sent = to;
			}
			this.sent = this.size;
			this.done = last;
		} catch (e) {
			this.error = e instanceof Problem || e instanceof Error ? e : new Error(String(e));
		}
		return this.done;
	}

	// The browser hashes whole buffers only; larger files are hashed by the desk alone.
	async #hash() {
		if (this.size > 256 << 20 || !crypto.subtle) return;
		const digest = await crypto.subtle.digest("SHA-256", await this.file.arrayBuffer());
		this.sha256 = [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
	}
}
