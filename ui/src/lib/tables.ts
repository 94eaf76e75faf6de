// Lists that come in and go out as a table, whatever noun their rows are of.
import { fetchFile } from "./api";
import { t } from "./lang.svelte";
import { complain } from "./toast.svelte";

export type Noun = "organisations" | "systems";
export interface Report {
	dry_run: boolean;
	read: number;
	added: number;
	changed: number;
	unchanged: number;
	faults_total: number;
	faults: { row: number; column: string; what: string; arg: string }[];
}

const most = 1_000_000; // what one request carries

/** What the columns of a table are called, in the order in which it goes out. */
export const columns: Record<Noun, string> = {
	organisations: "id, name, kind, parent, from_day, until_day, contact_name, contact_role, contact_phone, contact_email",
	systems:
		"id, name, organisation, class, level, level_day, level_number, sector, critical, separated, from_day, until_day, operator, monitor, assessor, provider, applications_internet, applications_internal, applications_none, networks, hosts, domains, note, contact_name, contact_phone, contact_email",
};

/** The file as it travels: a long one packed, which a CSV list shrinks to a tenth by. Null: it is too long even so. */
export async function packed(file: File): Promise<Blob | null> {
	if (file.size <= most) return file;
	const small = await new Response(file.stream().pipeThrough(new CompressionStream("gzip"))).blob();
	return small.size <= most ? small : null;
}

/** The list that a filter finds, as a file for the browser's folder of downloads. */
export async function takeOut(noun: Noun, format: "csv" | "xlsx", filter: Record<string, string>) {
	try {
		const link = document.createElement("a");
		link.href = URL.createObjectURL(await fetchFile(`${noun}/exports`, { format, ...filter }));
		link.download = `${t(`table.file_${noun}`)}.${format}`;
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
	} catch (e) {
		complain(e);
	}
}
