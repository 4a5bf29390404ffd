package goproc

import "testing"

// A stack's leading frames of the runtime, innermost first, become what the program asked for.
func TestPurpose(t *testing.T) {
	for _, c := range []struct {
		frames []string
		want   string
	}{
		{[]string{"runtime.growslice"}, growsSlice},
		{[]string{"runtime.growsliceNoAlias"}, growsSlice},
		{[]string{"runtime.makeslice"}, "runtime.makeslice"},
		{[]string{"runtime.newobject"}, "runtime.newobject"},
		{[]string{"runtime.rawstringtmp", "runtime.concatstrings", "runtime.concatstring3"}, "runtime.concatstring3"},
		{[]string{"runtime.newarray", "internal/runtime/maps.newarray", "internal/runtime/maps.(*table).reset", "internal/runtime/maps.newTable",
			"internal/runtime/maps.(*table).grow", "internal/runtime/maps.(*table).rehash", "runtime.mapassign_faststr"}, growsMap},
		{[]string{"internal/runtime/maps.newTable", "internal/runtime/maps.(*Map).growToTable", "runtime.mapassign"}, growsMap},
		{[]string{"internal/runtime/maps.newGroups", "internal/runtime/maps.(*Map).growToSmall", "runtime.mapassign"}, "runtime.mapassign"},
		{[]string{"runtime.newobject", "runtime.mapassign"}, "runtime.mapassign"},
		{[]string{"runtime.makeBucketArray", "runtime.hashGrow", "runtime.mapassign_fast64"}, growsMap},
	} {
		label := ""
		for _, frame := range c.frames {
			label = purpose(label, frame)
		}
		if label != c.want {
			t.Errorf("%q: %q, want %q", c.frames, label, c.want)
		}
	}
}
