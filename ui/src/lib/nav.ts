// The rooms of the house, in the order they stand in the menu.
import { can, session } from "./session.svelte";

export interface Room {
	path: string;
	key: string;
	icon: string;
	group: number;
	right: string;
	within?: string[]; // other paths of the same room
}

const all: Room[] = [
	{ path: "/", key: "nav.duty", icon: "layout-dashboard", group: 0, right: "signed_in" },
	{ path: "/alerts", key: "nav.alerts", icon: "bell-ring", group: 0, right: "alert_read" },
	{ path: "/hunt", key: "nav.hunt", icon: "search", group: 0, right: "event_read" },
	{ path: "/sources", key: "nav.sources", icon: "radio-tower", group: 1, right: "source_read" },
	{ path: "/systems", key: "nav.systems", icon: "server", group: 1, right: "register_read" },
	{ path: "/organisations", key: "nav.organisations", icon: "building-2", group: 1, right: "register_read" },
	{ path: "/laws", key: "nav.laws", icon: "file-text", group: 1, right: "register_read" },
	{ path: "/rules", key: "nav.rules", icon: "shield-check", group: 2, right: "rule_read", within: ["/rules/edit", "/rules/coverage", "/rules/exceptions", "/lookbacks"] },
	{ path: "/indicators", key: "nav.indicators", icon: "target", group: 2, right: "indicator_read", within: ["/indicators/sources"] },
	{ path: "/files", key: "nav.files", icon: "file-search", group: 2, right: "file_read", within: ["/sweeps"] },
	{ path: "/people", key: "nav.people", icon: "user-plus", group: 3, right: "people_read", within: ["/roles"] },
	{ path: "/record", key: "nav.record", icon: "list-checks", group: 3, right: "record_read" },
];

/** Those that the person may enter. Who belongs to an agency has a smaller house: his own is at the door. */
const small = ["/", "/systems", "/people"];
export const rooms = () => all.filter((room) => (room.right === "signed_in" || can(room.right)) && (!session.current?.organisation || small.includes(room.path))).map((room) => (room.path === "/" && session.current?.organisation ? { ...room, key: "nav.mine" } : room));

export const inside = (room: Room, path: string) => room.path === path || (room.path !== "/" && path.startsWith(`${room.path}/`)) || (room.within ?? []).includes(path);

interface Door {
	path: string;
	key: string;
	right: string;
}
const doors: Door[] = [
	{ path: "/rules/coverage", key: "rules.tab_coverage", right: "rule_read" },
	{ path: "/rules/exceptions", key: "rules.tab_exceptions", right: "rule_read" },
	{ path: "/lookbacks", key: "rules.tab_lookbacks", right: "rule_read" },
	{ path: "/rules/edit", key: "rules.new", right: "rule_change" },
	{ path: "/indicators?add=1", key: "indicators.add", right: "indicator_change" },
	{ path: "/indicators?import=1", key: "indicators.import", right: "indicator_change" },
	{ path: "/indicators/sources", key: "indicators.tab_sources", right: "indicator_read" },
	{ path: "/sweeps", key: "files.tab_sweeps", right: "file_read" },
];
/** Places within rooms that the palette leads to. */
export const places = () => doors.filter((door) => can(door.right));
