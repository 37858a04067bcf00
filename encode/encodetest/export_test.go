package encodetest

import "lucarne/encode"

// Check runs one check of the suite by its name.
func Check(name string, backend encode.Backend, decoder func() (Decoder, error)) error {
	for _, check := range checks {
		if check.name == name {
			return check.run(backend, decoder)
		}
	}
	panic("no check " + name)
}
