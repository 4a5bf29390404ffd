package scenario

import "github.com/alloc-dev/heaptop/sampler/scenario/plugin"

// pluginSystem is the suite of that name: WebAssembly modules under wazero.
func pluginSystem() []Scenario {
	const suite = "plugin_system"
	return []Scenario{
		{
			Name: "single_plugin_load", Suite: suite, Summary: "One plugin is compiled and loaded, in place of the one before.",
			Sessions: 1, Warmup: 20, Steps: 200, New: of(plugin.SingleLoad),
		},
		{
			Name: "multiple_plugin_load", Suite: suite, Summary: "Five plugins are compiled and loaded, in place of those before.",
			Sessions: 1, Warmup: 4, Steps: 40, New: of(plugin.MultipleLoad),
		},
		{
			Name: "plugin_lifecycle", Suite: suite, Summary: "A plugin is loaded, initialised, started, stopped and unloaded.",
			Sessions: 1, Warmup: 20, Steps: 200, New: of(plugin.Lifecycle),
		},
		{
			Name: "event_dispatching", Suite: suite, Summary: "20 events go to 10 handlers inside a plugin, which counts them.",
			Sessions: 1, Warmup: 1200, Steps: 12_000, New: of(plugin.Events),
		},
		{
			Name: "plugin_communication", Suite: suite, Summary: "One plugin sends another 10 messages, copied from memory to memory.",
			Sessions: 1, Warmup: 2500, Steps: 25_000, New: of(plugin.Communication),
		},
		{
			Name: "resource_management", Suite: suite, Summary: "Three plugins allocate five resources each, use them and give them back.",
			Sessions: 1, Warmup: 300, Steps: 3000, New: of(plugin.Resources),
		},
		{
			Name: "plugin_hot_reload", Suite: suite, Summary: "A running plugin 1.0.0 is replaced by 1.0.1, which then answers.",
			Sessions: 1, Warmup: 10, Steps: 100, New: of(plugin.HotReload),
		},
		{
			Name: "memory_intensive_plugins", Suite: suite, Summary: "Three plugins hold blobs of 1, 2 and 3 MiB and 1,000 SHA-256 digests each.",
			Sessions: 1, Warmup: 2, Steps: 16, New: of(plugin.Blobs),
		},
	}
}

// pluginLoad is what the suite load_testing has of plugins.
func pluginLoad() []Scenario {
	return []Scenario{{
		Name: "concurrent_plugin_operations", Suite: "load_testing", Summary: "Five plugins compute 20 MD5 digests each, at the same time.",
		Sessions: 5, Warmup: 600, Steps: 6000, New: of(plugin.Concurrent),
	}}
}
