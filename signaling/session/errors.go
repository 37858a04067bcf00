package session

import (
	"errors"
	"fmt"
)

// What a viewer may be told.
var (
	ErrRefused    = errors.New("refused by policy")
	ErrFull       = errors.New("as many viewers as there may be")
	ErrLeft       = errors.New("the viewer has left")
	ErrNoDisplay  = errors.New("no display")
	ErrNoCodec    = errors.New("no codec in common")
	ErrTooLarge   = errors.New("too large")
	ErrSize       = errors.New("absurd size")
	ErrNotLeading = errors.New("another viewer leads")
	ErrMalformed  = errors.New("malformed")
	ErrNoViewer   = errors.New("no such viewer")
	ErrNoShare    = errors.New("no such link")
	ErrRevoked    = errors.New("the link has been withdrawn")
	ErrExpired    = errors.New("the link has expired")
	ErrTooOften   = errors.New("too much in too short a time")
	// ErrUnaudited is an ErrRefused: the policy wants recorded what cannot be now.
	ErrUnaudited = fmt.Errorf("%w: it cannot be recorded", ErrRefused)
)
