// Command floor is the least that an answer to an alert can cost: a webhook that restarts what the alert names with one
// PATCH, and remembers nothing. The benchmark compares with it; nobody should run it for anything else.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

const (
	userAgent = "paramedic-bench-go-floor"
	parallel  = 64 // requests to the API server under way
)

type notification struct {
	Alerts []struct {
		Labels map[string]string `json:"labels"`
	} `json:"alerts"`
}

type floor struct {
	server string
	token  string
	client *http.Client
	slots  chan struct{}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where alerts are received")
	server := flag.String("server", "", "the API server's URL")
	ca := flag.String("ca", "", "its certificate authority (PEM)")
	tokenFile := flag.String("token", "", "a file with our token")
	flag.Parse()
	token, err := os.ReadFile(*tokenFile)
	if err != nil {
		log.Fatal(err)
	}
	client, err := connect(*ca)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, &floor{*server, string(token), client, make(chan struct{}, parallel)}))
}

func connect(ca string) (*http.Client, error) {
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	config := &tls.Config{RootCAs: pool}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: parallel}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}

// ServeHTTP answers 200 once everything is restarted, and to a GET, which asks whether it is up.
func (f *floor) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		return
	}
	var received notification
	if err := json.NewDecoder(request.Body).Decode(&received); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	for _, alert := range received.Alerts {
		if err := f.restart(alert.Labels["namespace"], alert.Labels["deployment"]); err != nil {
			http.Error(answer, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
}

func (f *floor) restart(namespace, name string) error {
	path := fmt.Sprintf("%s/apis/apps/v1/namespaces/%s/deployments/%s", f.server, namespace, name)
	moment := time.Now().UTC().Format(time.RFC3339Nano)
	body := `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"` + moment + `"}}}}}`
	request, err := http.NewRequest(http.MethodPatch, path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Authorization", "Bearer "+f.token)
	f.slots <- struct{}{}
	defer func() { <-f.slots }()
	answer, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return err
}
