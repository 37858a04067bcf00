// Generate writes the Dockerfile of each image from the pieces that it is made of.
//
// The table images/IMAGES names each image's pieces, which lie in images/pieces;
// the Dockerfiles go to images/output/IMAGE/Dockerfile and are committed, so that
// they can be read and built without this program. In each a heading names the piece
// that follows, and ARG PIECE too: builders print it, and an image's history has it.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	room := flag.String("images", "images", "the directory with IMAGES and pieces")
	flag.Parse()
	if err := run(*room); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(room string) error {
	files, err := dockerfiles(os.DirFS(room))
	if err != nil {
		return err
	}
	for name, text := range files {
		file := filepath.Join(room, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// image is a line of the table.
type image struct {
	name   string
	budget int // MB of 10^6 bytes
	pieces []string
}

const (
	table  = "IMAGES"
	suffix = ".Dockerfile"
)

// dockerfiles returns the Dockerfiles of all images by their path in the room.
func dockerfiles(room fs.FS) (map[string][]byte, error) {
	text, err := fs.ReadFile(room, table)
	if err != nil {
		return nil, err
	}
	images, err := parse(text)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(images))
	used := map[string]bool{}
	for _, img := range images {
		var b bytes.Buffer
		fmt.Fprintf(&b, "# %s: generated from images/%s and images/pieces by `make generate-dockerfiles`. Change those.\n", img.name, table)
		for _, piece := range img.pieces {
			text, err := fs.ReadFile(room, path.Join("pieces", piece+suffix))
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s: image %s: there is no piece %s", table, img.name, piece)
			}
			if err != nil {
				return nil, err
			}
			used[piece+suffix] = true
			fmt.Fprintf(&b, "\n### %s\n\n", piece)
			if level, _ := levelOf(piece); level > 0 { // below is what comes before FROM
				fmt.Fprintf(&b, "ARG PIECE=%s\n", piece)
			}
			fmt.Fprintf(&b, "%s\n", bytes.TrimSpace(text))
		}
		files[path.Join("output", img.name, "Dockerfile")] = b.Bytes()
	}
	pieces, err := fs.ReadDir(room, "pieces")
	if err != nil {
		return nil, err
	}
	for _, piece := range pieces {
		if !used[piece.Name()] {
			return nil, fmt.Errorf("%s: no image has the piece %s", table, piece.Name())
		}
	}
	return files, nil
}

// imageName is what a registry takes for a name's last component
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests).
var imageName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)

// parse reads the table: a name, a budget and pieces in the order of their levels.
func parse(text []byte) ([]image, error) {
	var images []image
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		img, err := parseLine(fields)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", table, n, err)
		}
		if slices.ContainsFunc(images, func(other image) bool { return other.name == img.name }) {
			return nil, fmt.Errorf("%s:%d: image %s is there twice", table, n, img.name)
		}
		images = append(images, img)
	}
	return images, lines.Err()
}

func parseLine(fields []string) (image, error) {
	if len(fields) < 3 {
		return image{}, errors.New("want a name, a budget in MB and pieces")
	}
	img := image{name: fields[0], pieces: fields[2:]}
	if !imageName.MatchString(img.name) || len(img.name) > 128 {
		return image{}, fmt.Errorf("%q is not a name that an image can have: lower-case letters, digits, and . _ - between them", img.name)
	}
	var err error
	if img.budget, err = strconv.Atoi(fields[1]); err != nil || img.budget < 1 {
		return image{}, fmt.Errorf("image %s: budget %q: want MB", img.name, fields[1])
	}
	last := -1
	for _, piece := range img.pieces {
		level, err := levelOf(piece)
		if err != nil || path.Base(piece) != piece {
			return image{}, fmt.Errorf("image %s: piece %q: want a level, an underscore and a name", img.name, piece)
		}
		if level < last {
			return image{}, fmt.Errorf("image %s: piece %s comes after one of level %d", img.name, piece, last)
		}
		last = level
	}
	return img, nil
}

// levelOf returns the level of a piece.
func levelOf(piece string) (level int, err error) {
	number, _, found := strings.Cut(piece, "_")
	if !found {
		return 0, errors.New("no underscore")
	}
	return strconv.Atoi(number)
}
