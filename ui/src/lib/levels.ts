// Four severities and a note: a word, a shape and a colour each.
import type { Level } from "./types";

export const levels: Level[] = ["critical", "high", "medium", "low", "informational"];
export const weight = (level: Level) => levels.length - levels.indexOf(level);
