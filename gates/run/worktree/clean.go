package worktree

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// young is how old a folder without a lock must be to be nobody's: one that is just being made has none yet.
const young = time.Hour

// clean takes away what runs of heaptop have left that were killed. What cannot be taken away stays: it hurts nobody.
func (r *Repo) clean(ctx context.Context) {
	list, err := git(ctx, r.dir, nil, "worktree", "list", "--porcelain")
	if err != nil {
		return
	}
	for line := range strings.Lines(list) {
		dir, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "worktree ")
		folder := filepath.Dir(filepath.FromSlash(dir))
		if ok && strings.HasPrefix(filepath.Base(folder), prefix) && abandoned(folder) {
			if r.forget(ctx, filepath.FromSlash(dir)) == nil {
				os.Remove(folder) // once it is empty
			}
		}
	}
	left, err := os.ReadDir(os.TempDir()) // no pattern: the folder's own name may be one
	if err != nil {
		return
	}
	for _, entry := range left {
		if folder := filepath.Join(os.TempDir(), entry.Name()); strings.HasPrefix(entry.Name(), prefix) && abandoned(folder) {
			_ = removeAll(folder)
		}
	}
}

// abandoned reports whether no living heaptop uses a folder of ours. One that is not there was taken away with all that was
// temporary, unless it is of another machine or container, which has temporary folders of its own.
func abandoned(folder string) bool {
	info, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return strings.HasPrefix(filepath.Base(folder), prefixHere())
	}
	if err != nil || !info.IsDir() || !ours(info) {
		return false
	}
	path := filepath.Join(folder, lockName)
	if _, err := os.Lstat(path); err != nil {
		return errors.Is(err, fs.ErrNotExist) && time.Since(info.ModTime()) > young
	}
	return lockFree(path)
}

// prefixHere begins the names of folders made on this machine.
func prefixHere() string {
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return fmt.Sprintf("%s%08x-", prefix, h.Sum32())
}

// forget makes the repository forget a worktree of ours, and removes its files. It never prunes: the user may have
// worktrees on a disk that is not mounted now.
func (r *Repo) forget(ctx context.Context, dir string) error {
	err := gitWhole(ctx, r.dir, "worktree", "remove", "--force", "--force", dir)
	if err == nil {
		return nil
	}
	if removed := removeAll(dir); removed != nil {
		return fmt.Errorf("remove the worktree %s: %w", dir, removed)
	}
	list, listed := git(ctx, r.dir, nil, "worktree", "list", "--porcelain")
	if listed == nil && !strings.Contains(list, "worktree "+filepath.ToSlash(dir)+"\n") {
		return nil // git was interrupted before it knew of it
	}
	if again := gitWhole(ctx, r.dir, "worktree", "remove", "--force", "--force", dir); again == nil {
		return nil
	}
	return fmt.Errorf("remove the worktree %s: %w", dir, err)
}

// removeAll removes a folder with all that is in it, also where a build has made folders read-only.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // of what we made ourselves; RemoveAll says what is still in the way
		}
		return nil
	})
	return os.RemoveAll(dir)
}
