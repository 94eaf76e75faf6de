// A value from the server for as long as a component lives: the newest wish wins, the rest is given up.
import { aborted } from "./api";

export class Loader<T> {
	value = $state.raw<T | null>(null);
	error = $state<unknown>(null);
	loading = $state(false);
	#flight: AbortController | null = null;

	async load(fetcher: (signal: AbortSignal) => Promise<T>) {
		this.#flight?.abort();
		const flight = (this.#flight = new AbortController());
		this.loading = true;
		try {
			this.value = await fetcher(flight.signal);
			this.error = null;
		} catch (e) {
			if (aborted(e)) return;
			this.error = e;
		}
		if (flight === this.#flight) this.loading = false;
	}
}
