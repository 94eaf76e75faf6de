// The rooms of the house, in the order they stand in the menu.
import { can } from "./session.svelte";

export interface Room {
	path: string;
	key: string;
	icon: string;
	group: number;
	right: string;
}

const all: Room[] = [
	{ path: "/", key: "nav.duty", icon: "layout-dashboard", group: 0, right: "signed_in" },
	{ path: "/alerts", key: "nav.alerts", icon: "bell-ring", group: 0, right: "alert_read" },
	{ path: "/hunt", key: "nav.hunt", icon: "search", group: 0, right: "event_read" },
	{ path: "/sources", key: "nav.sources", icon: "radio-tower", group: 1, right: "source_read" },
	{ path: "/systems", key: "nav.systems", icon: "server", group: 1, right: "register_read" },
	{ path: "/organisations", key: "nav.organisations", icon: "building-2", group: 1, right: "register_read" },
	{ path: "/rules", key: "nav.rules", icon: "shield-check", group: 1, right: "rule_read" },
];

/** Those that the person may enter. */
export const rooms = () => all.filter((room) => room.right === "signed_in" || can(room.right));
