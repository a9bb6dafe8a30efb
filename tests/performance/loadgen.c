/* Sends one fixed HTTP/1.1 request over and over and says how the answers came: a closed loop.
 *
 *   loadgen HOST PORT REQUEST_FILE CONNECTIONS WARMUP_SECONDS SECONDS BODY_BYTES
 *
 * Each of CONNECTIONS keeps exactly one request under way and sends the next when the answer is
 * whole. Every answer must be 200 with a body of BODY_BYTES (0: any length); everything else is
 * an error. A server may end a connection after an answer ("Connection: close"); the next request
 * then connects anew, and that time counts as its latency.
 *
 * Counted are the answers that arrive in the SECONDS after the warm-up. At the end no new request
 * is sent, but what is under way is waited for, so that nothing is left queued in the server; the
 * JSON on standard output gives all answers (`answered`) beside those counted (`requests`).
 * One thread, epoll(7); exact percentiles, since every latency is kept (microseconds).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 1 << 20,     /* bytes of one answer with its headers */
    CONNECTIONS_MAX = 1024,
    LATENCIES_MAX = 50000000, /* answers of one run: 200 MB */
    ERRORS_MAX = 10000,       /* a server that only refuses must not keep us busy */
    TIMEOUT_US = 30000000     /* an answer that takes longer is an error */
};

struct connection {
    int socket;
    int writing;        /* epoll also waits until the socket takes more */
    size_t sent;        /* bytes of the request that the kernel took */
    size_t received;    /* bytes of the answer so far */
    int64_t started;    /* microseconds; 0: idle */
    char *answer;       /* ANSWER_MAX bytes, and one for a NUL */
};

struct head {
    int status, closes, chunked;
    long length;        /* Content-Length, -1 when absent */
    size_t bytes;       /* of status line and headers, blank line included */
};

static struct sockaddr_in server;
static char *request;
static size_t request_bytes;
static long expected_body;
static int poller;
static int64_t window_begin, window_end;

static uint32_t *latencies;
static size_t counted, latencies_room, answered, errors, connects;
static char first_error[512];

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void fail(const char *what, const char *more)
{
    if (errors++ == 0)
        snprintf(first_error, sizeof first_error, "%s%s%.300s", what, *more ? ": " : "", more);
}

static void watch(struct connection *c, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->socket, &event) != 0)
        die("epoll_ctl");
}

static void open_connection(struct connection *c)
{
    int on = 1;
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->socket < 0)
        die("socket");
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->writing = 1;
    connects++;
    if (connect(c->socket, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
        fail("connect", strerror(errno)); /* epoll reports it again, as a hang-up */
    watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void close_connection(struct connection *c)
{
    close(c->socket); /* also ends epoll's watch */
    c->socket = -1;
}

/* Hand the kernel the rest of the request. What fails here is reported by the read that follows. */
static void push(struct connection *c)
{
    ssize_t n = 0;
    while (c->sent < request_bytes && n >= 0) {
        n = send(c->socket, request + c->sent, request_bytes - c->sent, MSG_NOSIGNAL);
        c->sent += n > 0 ? (size_t)n : 0;
    }
    int writing = c->sent < request_bytes && errno == EAGAIN;
    if (writing != c->writing)
        watch(c, writing ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    c->writing = writing;
}

static void begin_request(struct connection *c, int64_t now)
{
    c->sent = c->received = 0;
    c->started = now;
    if (c->socket < 0)
        open_connection(c);
    else
        push(c);
}

static int has_token(const char *value, size_t length, const char *token)
{
    return length >= strlen(token) && strncasecmp(value, token, strlen(token)) == 0;
}

/* 1: the head is whole and `h` filled in; 0: more must come; -1: not HTTP/1.1. */
static int read_head(const char *text, size_t bytes, struct head *h)
{
    const char *end = memmem(text, bytes, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    *h = (struct head){.length = -1, .bytes = (size_t)(end - text) + 4};
    if (h->bytes < 16 || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
        return -1;
    h->status = atoi(text + 9);
    const char *line = memmem(text, h->bytes, "\r\n", 2);
    while (line != NULL && line < end) {
        line += 2;
        const char *stop = memmem(line, h->bytes - (size_t)(line - text), "\r\n", 2);
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        if (colon != NULL) {
            size_t name = (size_t)(colon - line);
            const char *value = colon + 1;
            while (*value == ' ')
                value++;
            size_t length = (size_t)(stop - value);
            if (name == 14 && strncasecmp(line, "content-length", 14) == 0)
                h->length = strtol(value, NULL, 10);
            else if (name == 17 && strncasecmp(line, "transfer-encoding", 17) == 0)
                h->chunked = has_token(value, length, "chunked");
            else if (name == 10 && strncasecmp(line, "connection", 10) == 0)
                h->closes = has_token(value, length, "close");
        }
        line = stop;
    }
    return 1;
}

/* Bytes of a chunked body (RFC 9112, section 7.1), or -1 while the last chunk has not come. */
static long chunked_body(const char *at, const char *end)
{
    long body = 0;
    for (;;) {
        char *after;
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (line_end == NULL)
            return -1;
        long size = strtol(at, &after, 16);
        at = line_end + 2;
        if (size < 0 || size > ANSWER_MAX || end - at < size + 2)
            return -1;
        if (size == 0)
            return body;
        body += size;
        at += size + 2;
    }
}

static void check_answer(struct connection *c, const struct head *h, long body)
{
    char what[96];
    if (h->status == 200 && (expected_body == 0 || body == expected_body))
        return;
    snprintf(what, sizeof what, "status %d, a body of %ld bytes instead of %ld", h->status, body, expected_body);
    c->answer[c->received] = '\0';
    fail(what, c->answer + h->bytes);
}

static void record(int64_t latency)
{
    if (counted == latencies_room) {
        latencies_room = latencies_room ? latencies_room * 2 : 1 << 16;
        latencies = realloc(latencies, latencies_room * sizeof *latencies);
        if (latencies == NULL || latencies_room > 2 * (size_t)LATENCIES_MAX)
            die("too many answers to remember");
    }
    latencies[counted++] = (uint32_t)latency;
}

/* The answer is whole: check it, count it, send the next. */
static void finish(struct connection *c, const struct head *h, long body, int64_t now)
{
    check_answer(c, h, body);
    answered++;
    if (now >= window_begin && now < window_end)
        record(now - c->started);
    c->started = 0;
    if (h->closes)
        close_connection(c);
    if (now < window_end && errors < ERRORS_MAX)
        begin_request(c, now);
}

static void broken(struct connection *c, const char *why, int64_t now)
{
    if (c->started != 0) {
        fail(c->received ? "connection ended inside an answer" : "connection ended before an answer", why);
        c->started = 0;
    }
    close_connection(c);
    if (now < window_end && errors < ERRORS_MAX)
        begin_request(c, now);
}

static void pull(struct connection *c)
{
    for (;;) {
        ssize_t n = recv(c->socket, c->answer + c->received, ANSWER_MAX - c->received, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        int64_t now = now_us();
        if (n <= 0) {
            broken(c, n < 0 ? strerror(errno) : "", now);
            return;
        }
        c->received += (size_t)n;
        struct head h;
        int known = read_head(c->answer, c->received, &h);
        if (known < 0 || (known == 1 && !h.chunked && h.length < 0) || c->received == ANSWER_MAX) {
            broken(c, "not an answer this program can read", now);
            return;
        }
        if (known == 0)
            continue;
        const char *body = c->answer + h.bytes;
        long length = h.chunked ? chunked_body(body, c->answer + c->received) : h.length;
        if (length < 0 || (!h.chunked && c->received < h.bytes + (size_t)length))
            continue;
        if (!h.chunked && c->received > h.bytes + (size_t)length)
            fail("bytes after the end of an answer", "");
        finish(c, &h, length, now);
        return;
    }
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank, milliseconds. */
static double percentile(double share)
{
    if (counted == 0)
        return 0;
    size_t rank = (size_t)(share * (double)counted + 0.999999);
    return latencies[rank == 0 ? 0 : rank - 1] / 1000.0;
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void report(double seconds)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    qsort(latencies, counted, sizeof *latencies, ascending);
    double sum = 0;
    for (size_t i = 0; i < counted; i++)
        sum += latencies[i];
    printf("{\"requests\": %zu, \"seconds\": %.3f, \"answered\": %zu, \"errors\": %zu, \"connects\": %zu, ",
           counted, seconds, answered, errors, connects);
    printf("\"mean_ms\": %.3f, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, ",
           counted ? sum / (double)counted / 1000 : 0, percentile(0.5), percentile(0.9), percentile(0.99),
           percentile(1.0));
    printf("\"cpu_seconds\": %.3f, \"first_error\": ",
           (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
               + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    print_text(first_error);
    printf("}\n");
}

static void read_request(const char *path)
{
    FILE *file = fopen(path, "rb");
    request = malloc(ANSWER_MAX);
    if (file == NULL || request == NULL)
        die(path);
    request_bytes = fread(request, 1, ANSWER_MAX, file);
    if (request_bytes == 0 || request_bytes == ANSWER_MAX)
        die("the request is empty or too large");
    fclose(file);
}

/* Run until the window is over and nothing is under way. */
static void run(struct connection *all, int number)
{
    struct epoll_event ready[256];
    for (;;) {
        int busy = 0;
        int64_t now = now_us();
        for (int i = 0; i < number; i++) {
            if (all[i].started != 0 && now - all[i].started > TIMEOUT_US)
                broken(&all[i], "no answer in 30 s", now);
            busy += all[i].started != 0;
        }
        if (busy == 0)
            return;
        /* Few looks at the clock and the list: drain what is ready many times between two of them. */
        for (int round = 0; round < 64; round++) {
            int n = epoll_wait(poller, ready, 256, 50);
            for (int i = 0; i < n; i++) {
                struct connection *c = ready[i].data.ptr;
                if ((ready[i].events & EPOLLOUT) != 0)
                    push(c);
                if ((ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
                    pull(c);
            }
            if (n <= 0)
                break;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: loadgen HOST PORT REQUEST_FILE CONNECTIONS WARMUP SECONDS BODY_BYTES\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[2]));
    int number = atoi(argv[4]);
    double warmup = atof(argv[5]), seconds = atof(argv[6]);
    expected_body = atol(argv[7]);
    errno = EINVAL;
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || number < 1 || number > CONNECTIONS_MAX
        || seconds <= 0 || warmup < 0)
        die("arguments");
    read_request(argv[3]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = calloc((size_t)number, sizeof *all);
    if (poller < 0 || all == NULL)
        die("start");
    window_begin = now_us() + (int64_t)(warmup * 1e6);
    window_end = window_begin + (int64_t)(seconds * 1e6);
    for (int i = 0; i < number; i++) {
        all[i].socket = -1;
        all[i].answer = malloc(ANSWER_MAX + 1);
        if (all[i].answer == NULL)
            die("memory");
        begin_request(&all[i], now_us());
    }
    run(all, number);
    report(seconds);
    return 0;
}
