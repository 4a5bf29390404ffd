package scenario

import "github.com/alloc-dev/heaptop/sampler/scenario/plugin"

// compiling is the budget of what compiles plugins, at its beginning or all the time.
func compiling() []Budget {
	return []Budget{{
		Metric: "peak_heap", Max: 8e6,
		Because: "Compiling a plugin allocates 0.65 MB in a millisecond, so on a busy machine several are made before a collection ends.",
	}}
}

// pluginSystem is the suite of that name: WebAssembly modules under wazero.
func pluginSystem() []Scenario {
	const suite = "plugin_system"
	return []Scenario{
		{
			Name: "single_plugin_load", Suite: suite, Summary: "One plugin is compiled and loaded, in place of the one before.",
			Env: collectEarly(), Sessions: 1, Warmup: 20, Steps: 200, New: of(plugin.SingleLoad),
			Budgets: compiling(),
		},
		{
			Name: "multiple_plugin_load", Suite: suite, Summary: "Five plugins are compiled and loaded, in place of those before.",
			Env: collectEarly(), Sessions: 1, Warmup: 4, Steps: 40, New: of(plugin.MultipleLoad),
			Budgets: compiling(),
		},
		{
			Name: "plugin_lifecycle", Suite: suite, Summary: "A plugin is loaded, initialised, started, stopped and unloaded.",
			Env: collectEarly(), Sessions: 1, Warmup: 20, Steps: 200, New: of(plugin.Lifecycle),
			Budgets: compiling(),
		},
		{
			Name: "event_dispatching", Suite: suite, Summary: "20 events go to 10 handlers inside a plugin, which counts them.",
			Env: collectEarly(), Sessions: 1, Warmup: 500, Steps: 8000, New: of(plugin.Events),
		},
		{
			Name: "plugin_communication", Suite: suite, Summary: "One plugin sends another 10 messages, copied from memory to memory.",
			Env: collectEarly(), Sessions: 1, Warmup: 2500, Steps: 25_000, New: of(plugin.Communication),
			Budgets: compiling(),
		},
		{
			Name: "resource_management", Suite: suite, Summary: "Three plugins allocate five resources each, write and read them, and give them back.",
			Env: collectEarly(), Sessions: 1, Warmup: 1000, Steps: 10_000, New: of(plugin.Resources),
			Budgets: compiling(),
		},
		{
			Name: "plugin_hot_reload", Suite: suite, Summary: "A running plugin 1.0.0 is replaced by 1.0.1, which then answers.",
			Env: collectEarly(), Sessions: 1, Warmup: 10, Steps: 100, New: of(plugin.HotReload),
			Budgets: compiling(),
		},
		{
			Name: "memory_intensive_plugins", Suite: suite, Summary: "Three plugins hold blobs of 1, 2 and 3 MiB and 1,000 SHA-256 digests each.",
			Env: collectEarly(), Sessions: 1, Warmup: 2, Steps: 16, New: of(plugin.Blobs),
			Budgets: []Budget{
				{Metric: "peak_heap", Max: 20e6, Because: "The blobs are 6.3 MB, and a module's memory is copied as it grows."},
				{Metric: "sustained_heap", Max: 10e6, Because: "The blobs are 6.3 MB, and are held until they are replaced."},
			},
		},
	}
}

// pluginLoad is what the suite load_testing has of plugins.
func pluginLoad() []Scenario {
	return []Scenario{{
		Name: "concurrent_plugin_operations", Suite: "load_testing", Summary: "Five plugins compute 20 MD5 digests each, at the same time.",
		Env: collectEarly(), Sessions: 5, Warmup: 600, Steps: 6000, New: of(plugin.Concurrent),
	}}
}
