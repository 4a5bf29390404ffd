// Package worktree puts two states of a git repository beside each other to be built and run: a commit, and the working
// tree as it stands, with changes that are not committed and files that git does not yet know.
//
// It never touches the user's checkout, index, branches or stash. Each side is a `git worktree` in a temporary folder,
// with paths of equal length, because a path ends up in binaries and in memory. What the working tree has beyond its
// commit is read through a temporary index into a temporary object store. The repository itself learns of two things
// alone: the worktrees, which are taken away again, also those that a heaptop left behind which was killed; and commits
// that are fetched because a shallow clone lacks them, which is said.
//
// It refuses to guess: a reference that does not exist is an error, as is a repository without history. Files that git is
// told to ignore are in neither side; a scenario's build has to make them. Submodules are empty folders, which Side.Empty
// names: to bring them would write into the repository. It runs no hooks.
package worktree
