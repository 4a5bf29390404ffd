package sampler

import "context"

// WalkChecker is a HeapWalker that can say beforehand, without asking the target, why Walk would not succeed.
type WalkChecker interface {
	// CanWalk returns nil when Walk has a heap to read, else why not and what would enable it.
	CanWalk() error
}

// CollectConfirmer is a Collector whose Collect may do more to the target than a person expects of a key, such as
// writing into its memory.
type CollectConfirmer interface {
	// ConfirmCollect returns what Collect would do, as words that "?" can follow, for a person to agree to; "" when
	// there is nothing to ask. Whoever has no person to ask does not call Collect while it is not "".
	ConfirmCollect() string
}

// ProfileSwitcher is a Session that can make a program record its allocation sites that was built, or told, not to. It
// writes into the program: a person asks for it and confirms it, never the program.
type ProfileSwitcher interface {
	// CanRecordSites returns nil when RecordSites may be called. The error wraps ErrUnsupported when the program
	// records its sites already or cannot be made to, and ErrPermission when writing was not permitted.
	CanRecordSites() error
	// ConfirmRecordSites returns what RecordSites would do, as words that "?" can follow.
	ConfirmRecordSites() string
	// RecordSites makes the program sample what it allocates from now on, as often as Go programs usually do. What it
	// allocated before stays unknown.
	RecordSites(ctx context.Context) error
}
