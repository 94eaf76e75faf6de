// One look-back as it goes: the stream tells of it, and where it is silent we ask every two seconds until it is over.
import { untrack } from "svelte";
import { aborted, get } from "./api";
import { onTold } from "./live.svelte";
import type { Lookback } from "./types";

export const running = (one: Lookback | null) => one !== null && (one.state === "queued" || one.state === "running");

export class Watch {
	value = $state.raw<Lookback | null>(null);
	error = $state<unknown>(null);

	/** Follows the look-back until the returned function is called. */
	follow(id: number | string) {
		const over = new AbortController();
		let timer: ReturnType<typeof setTimeout>;
		untrack(() => String(this.value?.id) !== String(id) && (this.value = null));
		const ask = async () => {
			clearTimeout(timer);
			try {
				this.value = await get<Lookback>(`lookbacks/${id}`, {}, over.signal);
				this.error = null;
			} catch (e) {
				if (aborted(e)) return;
				this.error = e;
			}
			if (running(this.value)) timer = setTimeout(ask, 2000);
		};
		const stop = onTold<Partial<Lookback>>("lookback", (news) => {
			if (String(news.id) !== String(id) || !this.value) return;
			this.value = { ...this.value, ...news } as Lookback;
			if (!running(this.value)) void ask(); // the hits come with the whole
		});
		void ask();
		return () => {
			over.abort();
			clearTimeout(timer);
			stop();
		};
	}
}
