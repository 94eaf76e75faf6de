// The rooms of the house, in the order they stand in the menu.
export interface Room {
	path: string;
	key: string;
	icon: string;
	group: number;
}

export const rooms: Room[] = [
	{ path: "/", key: "nav.duty", icon: "layout-dashboard", group: 0 },
	{ path: "/alerts", key: "nav.alerts", icon: "bell-ring", group: 0 },
	{ path: "/hunt", key: "nav.hunt", icon: "search", group: 0 },
	{ path: "/sources", key: "nav.sources", icon: "radio-tower", group: 1 },
	{ path: "/systems", key: "nav.systems", icon: "server", group: 1 },
	{ path: "/organisations", key: "nav.organisations", icon: "building-2", group: 1 },
	{ path: "/rules", key: "nav.rules", icon: "shield-check", group: 1 },
];
