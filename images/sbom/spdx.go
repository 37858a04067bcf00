package main

import "fmt"

// document is an SPDX document, as far as there is something to say.
type document struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []pkg          `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type pkg struct {
	Name       string     `json:"name"`
	ID         string     `json:"SPDXID"`
	Version    string     `json:"versionInfo,omitempty"`
	Location   string     `json:"downloadLocation"`
	Analyzed   bool       `json:"filesAnalyzed"`
	Concluded  string     `json:"licenseConcluded"`
	Declared   string     `json:"licenseDeclared"`
	Copyright  string     `json:"copyrightText"`
	References []external `json:"externalRefs,omitempty"`
}

type external struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

// at returns the package with its package URL (https://github.com/package-url/purl-spec).
func (p pkg) at(format string, args ...any) pkg {
	p.References = []external{{"PACKAGE-MANAGER", "purl", fmt.Sprintf(format, args...)}}
	return p
}

// add adds a package to what contains it, "": to the document itself, and returns its identifier.
func (d *document) add(container string, p pkg) (id string) {
	const unknown = "NOASSERTION"
	p.ID = fmt.Sprintf("SPDXRef-%d", len(d.Packages)+1)
	p.Location, p.Concluded, p.Copyright = unknown, unknown, unknown
	if p.Declared == "" {
		p.Declared = unknown
	}
	d.Packages = append(d.Packages, p)
	r := relationship{container, "CONTAINS", p.ID}
	if container == "" {
		r = relationship{d.ID, "DESCRIBES", p.ID}
	}
	d.Relationships = append(d.Relationships, r)
	return p.ID
}
