// Package library holds the scenarios that ship with Fauxkube. Each is one file, named as its scenario is, with its
// manifests inline: a beginning for scenarios of one's own.
package library
