package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logKey is what a key of the log looks like: one word, or some with _ between.
var logKey = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// synonyms are keys for what has another name already.
var synonyms = map[string]string{"error": "err", "viewer_id": "viewer", "addr": "from", "remote": "from"}

// All packages name the same thing by the same key in the log, and by one word.
func TestLogKeys(t *testing.T) {
	calls := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..") && path != "../.." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				for _, key := range logKeys(call) {
					calls++
					if name := synonyms[key]; name != "" {
						t.Errorf("%s: key %q; it is %q elsewhere", files.Position(call.Pos()), key, name)
					} else if !logKey.MatchString(key) {
						t.Errorf("%s: key %q is not one word", files.Position(call.Pos()), key)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 50 {
		t.Errorf("only %d keys found", calls)
	}
}

// logKeys returns the keys that a call gives a *slog.Logger, as far as they are literals.
func logKeys(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) {
		return nil
	}
	if of, ok := method.X.(*ast.Ident); ok && of.Name == "http" { // http.Error
		return nil
	}
	for i := 1; i < len(call.Args); i += 2 {
		if literal, ok := call.Args[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			key, _ := strconv.Unquote(literal.Value)
			keys = append(keys, key)
		}
	}
	return keys
}
