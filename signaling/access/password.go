package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// errBusy says that as many passwords wait to be looked at as may.
var errBusy = errors.New("access: login: too many at once")

// Verifier tells whether a password is the right one, without having it.
type Verifier struct {
	matches func(password string) bool
	turn    chan struct{} // capacity 1: held by who is being looked at
	places  chan struct{} // of those who wait, and who is being looked at
}

// maxWaiting are looked at, or wait to be, at a time.
const maxWaiting = 8

// argonCost is what the hash of a plain password costs: 19 MiB, twice over
// (OWASP's least for Argon2id; RFC 9106).
var argonCost = argon{time: 2, memoryKiB: 19 << 10, threads: 1}

// ParsePassword reads a hash as written by argon2 (Argon2id, in the PHC string format)
// or by htpasswd (bcrypt), or else takes the text as the password itself.
func ParsePassword(text string) (*Verifier, error) {
	v := &Verifier{turn: make(chan struct{}, 1), places: make(chan struct{}, maxWaiting)}
	switch {
	case text == "":
		return nil, errors.New("access: password: empty")
	case strings.HasPrefix(text, "$2"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("access: password: bcrypt: %w", err)
		}
		if cost > maxBcryptCost {
			return nil, fmt.Errorf("access: password: bcrypt: cost %d: want at most %d", cost, maxBcryptCost)
		}
		v.matches = func(password string) bool {
			return bcrypt.CompareHashAndPassword([]byte(text), []byte(password)) == nil
		}
	case strings.HasPrefix(text, "$"):
		hash, err := parseArgon(text)
		if err != nil {
			return nil, err
		}
		v.matches = hash.matches
	default:
		hash := argonCost
		hash.salt = make([]byte, 16)
		rand.Read(hash.salt) // crypto/rand: never fails
		hash.sum = hash.of(text, 32)
		v.matches = hash.matches
	}
	return v, nil
}

// inTurn calls look, one at a time, since looking takes time and memory: a flood of
// guesses takes no more than one processor's, and who comes while maxWaiting wait is
// refused with errBusy.
func (v *Verifier) inTurn(ctx context.Context, look func() error) error {
	select {
	case v.places <- struct{}{}:
		defer func() { <-v.places }()
	default:
		return errBusy
	}
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return errBusy
	}
	return look()
}

// argon is a hash by Argon2id.
type argon struct {
	time      uint32
	memoryKiB uint32
	threads   uint8
	salt, sum []byte
}

// Bounds on a hash that is read: what is beyond would take the machine away.
const (
	maxArgonTime   = 64
	maxArgonMemory = 1 << 20 // KiB
	maxArgonBytes  = 64      // of salt and sum each
	maxBcryptCost  = 16      // seconds; each one more is twice as long
)

var errArgon = errors.New(`access: password: want $argon2id$v=19$m=19456,t=2,p=1$salt$hash`)

// parseArgon reads the PHC string format.
func parseArgon(text string) (a argon, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, errArgon
	}
	if n, err := fmt.Sscanf(parts[3]+"\n", "m=%d,t=%d,p=%d\n", &a.memoryKiB, &a.time, &a.threads); n != 3 || err != nil {
		return a, errArgon
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	sum, errSum := base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errSum != nil || len(salt) < 8 || len(salt) > maxArgonBytes || len(sum) < 16 || len(sum) > maxArgonBytes ||
		a.time < 1 || a.time > maxArgonTime || a.memoryKiB < 8 || a.memoryKiB > maxArgonMemory || a.threads < 1 {
		return a, errArgon
	}
	a.salt, a.sum = salt, sum
	return a, nil
}

// of hashes a password to length bytes.
func (a argon) of(password string, length int) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memoryKiB, a.threads, uint32(length))
}

func (a argon) matches(password string) bool {
	return subtle.ConstantTimeCompare(a.of(password, len(a.sum)), a.sum) == 1
}

// equal compares secrets in constant time, of whatever length.
func equal(a, b string) bool {
	first, second := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(first[:], second[:]) == 1
}
