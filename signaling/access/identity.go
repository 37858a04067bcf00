package access

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Identity is who a proxy in front says that somebody is.
type Identity struct {
	Header string // in which it says so, such as X-Forwarded-User or kubeflow-userid
	From   Peers  // who may say so
	// Users are let in; none: whoever the proxy has let through.
	Users []string
}

// maxUser is the length of a user's name, in bytes.
const maxUser = 256

// user returns who a request's proxy says it comes from. A header of which there is
// more than one has passed a proxy that adds to what the browser sends, and says nothing.
func (i Identity) user(r *http.Request) (string, error) {
	values := r.Header.Values(i.Header)
	switch {
	case len(values) != 1 || !userName(values[0]):
		return "", fmt.Errorf("%w: %d headers %s", ErrIdentity, len(values), i.Header)
	case len(i.Users) > 0 && !slices.Contains(i.Users, values[0]):
		return "", fmt.Errorf("%w: %q is none of those allowed", ErrIdentity, values[0])
	}
	return values[0], nil
}

// userName says whether a text can be a user's name.
func userName(name string) bool {
	odd := func(c rune) bool { return c < 0x20 || c == 0x7f }
	return strings.TrimSpace(name) != "" && len(name) <= maxUser && !strings.ContainsFunc(name, odd)
}
