package nvenc

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// libraryFolders are where driver libraries lie, besides LD_LIBRARY_PATH.
var libraryFolders = []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
	"/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/.singularity.d/libs"}

// wholeLibrary looks at a library before it is loaded: the dynamic linker takes
// a file that ends too soon for whole, and the process dies of SIGBUS. name is a
// path, or a name that is looked for in the usual folders; one that is not found
// there is left to dlopen, and so is the choice among several of which one is whole.
func wholeLibrary(name string) error {
	if strings.Contains(name, "/") {
		return wholeFile(name)
	}
	var broken error
	for _, folder := range append(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")), libraryFolders...) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); folder == "" || err != nil || !info.Mode().IsRegular() {
			continue
		}
		err := wholeFile(path)
		if err == nil {
			return nil
		}
		broken = cmp.Or(broken, err)
	}
	return broken
}

// wholeFile says whether a library ends too soon. What else is wrong with it, and
// whether it is there, is for dlopen to say.
func wholeFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	library, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer library.Close()
	size := uint64(info.Size())
	for _, p := range library.Progs {
		if p.Type == elf.PT_LOAD && (p.Off > size || p.Filesz > size-p.Off) {
			return fmt.Errorf("%s: the file ends too soon", path)
		}
	}
	return nil
}
