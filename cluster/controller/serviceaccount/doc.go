// Package serviceaccount is the service account controller: every active namespace gets a service account called default,
// also after somebody deleted it.
package serviceaccount
