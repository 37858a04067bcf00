package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxParts bounds the keys and lists of a file: no policy has as many, and a parser
// that recurses, and compares each key with all others, is not asked for more.
const maxParts = 256

// parse returns the mapping that a file is. What YAML has beyond mappings, lists
// and scalars is refused: nothing refers to something else, so that what is read is
// what is written.
func parse(text []byte) (node, error) {
	tokens := lexer.Tokenize(string(text))
	parts := 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return node{}, problem(t, "", "anchors, aliases and merged mappings are not allowed; write it out")
		case token.TagType, token.DirectiveType:
			return node{}, problem(t, "", "tags and directives are not allowed")
		case token.SequenceEntryType, token.SequenceStartType, token.MappingStartType, token.MappingKeyType, token.MappingValueType:
			if parts++; parts > maxParts {
				return node{}, problem(t, "", fmt.Sprintf("too many keys and lists: at most %d", maxParts))
			}
		}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // those are found with their whole key
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return node{}, problem(syntax.GetToken(), "", "no YAML: "+syntax.GetMessage())
		}
		return node{}, problem(nil, "", "no YAML: "+err.Error())
	}
	var root node
	for _, doc := range file.Docs {
		if root.Node != nil {
			return node{}, problem(doc.Start, "", "only one document is allowed")
		}
		root.Node = doc.Body
	}
	if root.Node == nil {
		return node{}, problem(nil, "preset", "missing; one of "+presetNames())
	}
	return root, nil
}

// problem is an error at a token; nil: at the file as a whole. It is one line.
func problem(at *token.Token, key, text string) error {
	err := &Error{Key: key, Problem: strings.Join(strings.Fields(text), " ")}
	if at != nil && at.Position != nil {
		err.Line, err.Column = at.Position.Line, at.Position.Column
	}
	return err
}

// node is a part of a file, with its key from the outermost.
type node struct {
	ast.Node
	key string
}

// problem is an error of this part.
func (n node) problem(format string, args ...any) error {
	return problem(n.first(), n.key, fmt.Sprintf(format, args...))
}

// first is where the part begins.
func (n node) first() *token.Token {
	switch of := n.Node.(type) {
	case *ast.MappingNode:
		if !of.IsFlowStyle && len(of.Values) > 0 {
			return of.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return of.Key.GetToken()
	}
	return n.GetToken()
}

// fields are what a mapping may hold: for each key what reads its value.
type fields map[string]func(node) error

// mapping reads the values of a mapping in their order.
func (n node) mapping(known fields) error {
	var values []*ast.MappingValueNode
	switch of := n.Node.(type) {
	case *ast.MappingNode:
		values = of.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{of}
	default:
		return n.problem("want a mapping of %s, not %s", names(known), n.kind())
	}
	seen := make(map[string]bool)
	for _, value := range values {
		key, isText := value.Key.(*ast.StringNode)
		if !isText {
			return problem(value.Key.GetToken(), n.key, "no key; one of "+names(known))
		}
		at := node{Node: value.Value, key: strings.TrimPrefix(n.key+"."+key.Value, ".")}
		read, isKnown := known[key.Value]
		switch {
		case !isKnown:
			return problem(key.GetToken(), at.key, "unknown key; one of "+names(known))
		case seen[key.Value]:
			return problem(key.GetToken(), at.key, "twice; once is allowed")
		}
		seen[key.Value] = true
		if _, empty := value.Value.(*ast.NullNode); empty {
			return problem(key.GetToken(), at.key, "has no value; leave the key out for what holds without")
		}
		if err := read(at); err != nil {
			return err
		}
	}
	return nil
}

// list reads the elements of a list in their order; each is given the list's key.
func (n node) list(what string, read func(node) error) error {
	list, ok := n.Node.(*ast.SequenceNode)
	if !ok {
		return n.problem("want a list of %s such as [a, b], not %s", what, n.kind())
	}
	for _, value := range list.Values {
		if err := read(node{Node: value, key: n.key}); err != nil {
			return err
		}
	}
	return nil
}

// text returns a scalar that is text.
func (n node) text(want string) (string, error) {
	if text, ok := n.Node.(*ast.StringNode); ok {
		return text.Value, nil
	}
	return "", n.problem("want %s, not %s", want, n.kind())
}

// plain returns a scalar as it is written, be it text or a number.
func (n node) plain(want string) (string, error) {
	switch of := n.Node.(type) {
	case *ast.StringNode:
		return of.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return of.GetToken().Value, nil
	}
	return "", n.problem("want %s, not %s", want, n.kind())
}

// yes returns a scalar that is true or false.
func (n node) yes() (bool, error) {
	if of, ok := n.Node.(*ast.BoolNode); ok {
		return of.Value, nil
	}
	return false, n.problem("want true or false, not %s", n.kind())
}

// kind names what a part is instead of what it should be.
func (n node) kind() string {
	switch of := n.Node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return fmt.Sprintf("the text %.40q", of.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + fmt.Sprintf("%.40s", of.GetToken().Value)
	case *ast.BoolNode:
		return of.GetToken().Value
	case *ast.NullNode:
		return "nothing"
	}
	return "what it is"
}

// names lists the keys of a mapping.
func names(known fields) string {
	var all []string
	for key := range known {
		all = append(all, key)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
