// SPDX-License-Identifier: EUPL-1.2
import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "style:all";
import App from "./App.svelte";
import { applyPreferences } from "./lib/prefs.svelte";
import { enter } from "./lib/session.svelte";

await applyPreferences();
mount(App, { target: document.getElementById("app")! });
await enter();
