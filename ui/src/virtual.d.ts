// Modules that build.mjs makes: sentences from content/lang, outlines from lucide-static.
declare module "lang:vi" {
	const table: Record<string, string>;
	export default table;
}
declare module "lang:en" {
	const table: Record<string, string>;
	export default table;
}
declare module "office:vi" {
	const table: Record<string, string>;
	export default table;
}
declare module "office:en" {
	const table: Record<string, string>;
	export default table;
}
declare module "faults:vi" {
	const table: Record<string, string>;
	export default table;
}
declare module "faults:en" {
	const table: Record<string, string>;
	export default table;
}
declare module "style:all";
declare module "icons:all" {
	const outlines: Record<string, string>;
	export default outlines;
}
declare module "measure:vi" {
	const table: Record<string, string>;
	export default table;
}
declare module "measure:en" {
	const table: Record<string, string>;
	export default table;
}
