// Package web holds the page as it was built into the binary.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS returns the built page: index.html and assets/, whose file names carry a
// hash of their content. Without index.html the page was not built when the
// binary was.
func FS() fs.FS {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("web: %v", err)) // "dist" is a valid path, always
	}
	return root
}
