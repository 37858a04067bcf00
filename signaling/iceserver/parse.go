package iceserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Bounds of a list that comes from elsewhere.
const (
	maxList       = 64 << 10 // bytes
	maxServers    = 16
	maxURLs       = 16  // of a server
	maxCredential = 512 // bytes of a user name or credential
)

// browserBlocked is a port that browsers send nothing to: a server at it would
// only make them wait.
const browserBlocked = 53

var errNoServer = errors.New("there is no server in it that could be used")

// Parse reads a list of servers in JSON: as RTCConfiguration has it, the array
// alone or as "iceServers" of an object (so answer Cloudflare and STUNner, and so
// is Selkies' rtc.json), or as TURN's REST API answers
// (draft-uberti-behave-turn-rest-00 §2.2). Entries that make no sense are left
// out; it is an error if nothing is left, but not if there was nothing.
func Parse(list []byte) ([]Server, error) {
	entries, err := entries(list)
	if err != nil {
		return nil, fmt.Errorf("iceserver: parse list: %w", err)
	}
	var servers []Server
	for _, e := range entries[:min(len(entries), maxServers)] {
		if s, ok := e.server(); ok {
			servers = append(servers, s)
		}
	}
	if len(servers) == 0 && len(entries) > 0 {
		return nil, fmt.Errorf("iceserver: parse list: %w", errNoServer)
	}
	return servers, nil
}

// entry is a server as lists have it.
type entry struct {
	URLs       oneOrMore[string] `json:"urls"`
	URL        string            `json:"url"` // before there was urls
	Username   string            `json:"username"`
	Credential string            `json:"credential"`

	URIs     oneOrMore[string] `json:"uris"` // TURN's REST API
	Password string            `json:"password"`
}

// oneOrMore is an array in JSON, or its only element.
type oneOrMore[T any] []T

func (o *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*o = oneOrMore[T]{one}
	return nil
}

func entries(list []byte) ([]entry, error) {
	if len(list) > maxList {
		return nil, fmt.Errorf("it is longer than %d bytes", maxList)
	}
	var outer struct {
		Servers *oneOrMore[entry] `json:"iceServers"`
	}
	var all oneOrMore[entry]
	if json.Unmarshal(list, &outer) == nil && outer.Servers != nil {
		return *outer.Servers, nil
	}
	if err := json.Unmarshal(list, &all); err != nil {
		return nil, shape(err)
	}
	return all, nil
}

// shape says what is wrong with JSON without repeating any of it.
func shape(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("no JSON after byte %d", syntax.Offset)
	}
	return errors.New("no list of servers")
}

// server returns the entry with what can be used of it.
func (e entry) server() (Server, bool) {
	s := Server{Username: e.Username, Credential: e.Credential}
	if s.Credential == "" {
		s.Credential = e.Password
	}
	if len(s.Username) > maxCredential || len(s.Credential) > maxCredential {
		return Server{}, false
	}
	known := s.Username != "" && s.Credential != ""
	for _, uri := range append(append(e.URLs, e.URIs...), e.URL) {
		uri = strings.ToLower(uri) // browsers want ?transport=udp in lower case
		u, err := parseURL(uri)
		if err != nil || u.port == browserBlocked || u.turn && !known || len(s.URLs) == maxURLs {
			continue
		}
		s.URLs = append(s.URLs, uri)
	}
	return s, len(s.URLs) > 0
}
