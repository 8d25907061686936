// SPDX-License-Identifier: Apache-2.0

// matrixserver stdio | http | http-json | http-stateless | sse [PORT]: the matrix' server with the go-sdk
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type text struct {
	Text string `json:"text"`
}
type size struct {
	N int `json:"n"`
}
type wait struct {
	Ms int `json:"ms"`
}
type what struct {
	What string `json:"what"`
}
type none struct{}

func said(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

func add[In any](s *mcp.Server, name string, f func(context.Context, *mcp.CallToolRequest, In) (string, error)) {
	mcp.AddTool(s, &mcp.Tool{Name: name}, func(ctx context.Context, r *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		out, err := f(ctx, r, in)
		if err != nil {
			return nil, nil, err
		}
		return said(out), nil, nil
	})
}

// ask answers with a result that requires input; to clients of before 2026-07-28 the SDK makes a request of it.
func ask(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if len(r.Params.InputResponses) > 0 {
		b, err := json.Marshal(r.Params.InputResponses)
		return said(string(b)), err
	}
	var in what
	if err := json.Unmarshal(r.Params.Arguments, &in); err != nil {
		return nil, err
	}
	var wanted mcp.InputRequest
	switch in.What {
	case "elicit":
		wanted = &mcp.ElicitParams{Message: "Sure?", RequestedSchema: map[string]any{
			"type": "object", "properties": map[string]any{"answer": map[string]any{"type": "string"}}}}
	case "sample":
		wanted = &mcp.CreateMessageParams{MaxTokens: 9, Messages: []*mcp.SamplingMessage{
			{Role: "user", Content: &mcp.TextContent{Text: "Say."}}}}
	default:
		wanted = &mcp.ListRootsParams{}
	}
	return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"wanted": wanted}, RequestState: "state of " + in.What}, nil
}

func server() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "matrix-go", Version: "1"}, nil)
	add(s, "echo", func(_ context.Context, _ *mcp.CallToolRequest, in text) (string, error) { return in.Text, nil })
	add(s, "big", func(_ context.Context, _ *mcp.CallToolRequest, in size) (string, error) {
		return strings.Repeat("0123456789abcdef", in.N/16+1)[:in.N], nil
	})
	add(s, "fail", func(context.Context, *mcp.CallToolRequest, none) (string, error) {
		return "", errors.New("this tool always fails")
	})
	add(s, "sleep", func(ctx context.Context, _ *mcp.CallToolRequest, in wait) (string, error) {
		time.Sleep(time.Duration(in.Ms) * time.Millisecond)
		return "slept", nil
	})
	add(s, "notify", func(ctx context.Context, r *mcp.CallToolRequest, _ none) (string, error) {
		for i := range 3 {
			err := r.Session.Log(ctx, &mcp.LoggingMessageParams{Level: "info", Data: fmt.Sprintf("note %d ü", i)})
			if token := r.Params.GetProgressToken(); err == nil && token != nil {
				err = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(i), Total: 3})
			}
			if err != nil {
				return "", err
			}
		}
		return "notified", nil
	})
	s.AddTool(&mcp.Tool{Name: "ask", InputSchema: map[string]any{"type": "object"}}, ask)
	s.AddResource(&mcp.Resource{Name: "note", URI: "note://one"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: "note://one", Text: "a note, grüße"}}}, nil
	})
	s.AddPrompt(&mcp.Prompt{Name: "greet"}, func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{
			{Role: "user", Content: &mcp.TextContent{Text: "Greet " + r.Params.Arguments["name"]}}}}, nil
	})
	return s
}

func main() {
	how := os.Args[1]
	if how == "stdio" {
		if err := server().Run(context.Background(), &mcp.StdioTransport{}); err != nil {
			log.Fatal(err)
		}
		return
	}
	one := server()
	get := func(*http.Request) *mcp.Server { return one }
	var h http.Handler
	if how == "sse" {
		h = mcp.NewSSEHandler(get, nil)
	} else {
		h = mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{
			Stateless: how == "http-stateless", JSONResponse: how == "http-json"})
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], h))
}
