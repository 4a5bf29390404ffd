package profile

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// ownFrames tells for each frame whether it is the program's own code.
func ownFrames(frames []sampler.Frame) []bool {
	root := goRoot(frames)
	own := make([]bool, len(frames))
	for i, f := range frames {
		own[i] = isOwn(f, root)
	}
	return own
}

// isOwn reports whether a frame belongs to the program's own module. A profile does not name that module, but the paths
// of its files tell what is not it: the standard library is below GOROOT, dependencies are in the module cache
// (github.com/x/y@v1.2.3) or in a vendor folder. What is left is the main module, and modules that a go.work or replace
// line takes from a folder beside it, which are as much the author's own. Functions without a file, such as those of C
// libraries, are not. All this holds for binaries built with -trimpath too.
func isOwn(f sampler.Frame, goRoot string) bool {
	pkg := packageOf(f.Function)
	switch {
	case pkg == "main":
		return true
	case pkg == "" || f.File == "":
		return false
	case strings.Contains(f.File, "@v") && dependency(f.File):
		return false
	case strings.Contains(f.File, "/vendor/") || strings.HasPrefix(f.Function, "vendor/"):
		return false
	case goRoot != "" && strings.HasPrefix(f.File, goRoot):
		return false
	}
	return !standard(f.File, pkg)
}

// dependency reports whether a folder in the path ends in a version, as those of the module cache do.
func dependency(file string) bool {
	for part := range strings.SplitSeq(file, "/") {
		if _, version, ok := strings.Cut(part, "@v"); ok && version != "" && version[0] >= '0' && version[0] <= '9' {
			return true
		}
	}
	return false
}

// goRoot is where the runtime's own files show the standard library to be, with a slash at the end; "" where no frame shows it.
func goRoot(frames []sampler.Frame) string {
	for _, f := range frames {
		if !strings.HasPrefix(f.Function, "runtime.") {
			continue
		}
		if i := strings.LastIndex(f.File, "/src/runtime/"); i >= 0 && !strings.Contains(f.File[i+len("/src/runtime/"):], "/") {
			return f.File[:i+len("/src/")]
		}
	}
	return ""
}

// standard reports whether the file is one of the standard library: of a package whose path begins as those do, in a
// folder of that path. With -trimpath there is nothing before the path.
func standard(file, pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	if !slices.Contains(standardFolders(), first) {
		return false
	}
	folder := file[:strings.LastIndexByte(file, '/')+1]
	return folder == pkg+"/" || strings.HasSuffix(folder, "/src/"+pkg+"/")
}

// standardFolders are the folders at the top of the standard library.
func standardFolders() []string {
	return []string{
		"archive", "arena", "bufio", "builtin", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug",
		"embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter",
		"log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "simd", "slices", "sort",
		"strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe", "weak",
	}
}

// packageOf returns the path of the package in a function's full name: "net/http" of "net/http.(*conn).serve".
func packageOf(function string) string {
	name, _, _ := strings.Cut(function, "[") // type arguments may hold paths
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return name[:slash+1+dot]
}

// PassesOwn reports whether a stack passes through the program's own code, as Filter.Mine has it.
func PassesOwn(stack []sampler.Frame) bool { return slices.Contains(ownFrames(stack), true) }
