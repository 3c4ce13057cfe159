#include "proto/stun/registry.h"

#include <glib.h>

static const struct stun_attribute_info table[] = {
#define X(name, type, paper, field, format, set, least, most, sent, source)                                            \
    { type, paper, field, STUN_FORMAT_##format, STUN_SET_##set, least, most, sent, source },
    STUN_ATTRIBUTES(X)
#undef X
};

enum row {
#define X(name, ...) ROW_##name,
    STUN_ATTRIBUTES(X)
#undef X
};

const struct stun_attribute_info *
stun_attribute_table(size_t *count)
{
    *count = G_N_ELEMENTS(table);
    return table;
}

/* Asked for each attribute that is read or written: the compiler makes a table of each of the two ranges of types. */
const struct stun_attribute_info *
stun_attribute_info(uint16_t type)
{
    switch (type) {
#define X(name, type, ...)                                                                                             \
    case type:                                                                                                         \
        return &table[ROW_##name];
        STUN_ATTRIBUTES(X)
#undef X
    }
    return NULL;
}

const char *
stun_method_name(uint16_t method)
{
    switch (method) {
    case STUN_BINDING:
        return "Binding";
    case STUN_SHARED_SECRET:
        return "Shared Secret";
    case STUN_ALLOCATE:
        return "Allocate";
    case STUN_REFRESH:
        return "Refresh";
    case STUN_SEND:
        return "Send";
    case STUN_DATA:
        return "Data";
    case STUN_CREATE_PERMISSION:
        return "CreatePermission";
    case STUN_CHANNEL_BIND:
        return "ChannelBind";
    case STUN_CONNECT:
        return "Connect";
    case STUN_CONNECTION_BIND:
        return "ConnectionBind";
    case STUN_CONNECTION_ATTEMPT:
        return "ConnectionAttempt";
    default:
        return NULL;
    }
}

const char *stun_class_name(enum stun_class class)
{
    static const char *const names[] = { "request", "indication", "success response", "error response" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == STUN_ERROR + 1);
    return names[class];
}

const char *
stun_code_phrase(unsigned code)
{
    switch (code) {
    case STUN_CODE_TRY_ALTERNATE:
        return "Try Alternate";
    case STUN_CODE_BAD_REQUEST:
        return "Bad Request";
    case STUN_CODE_UNAUTHENTICATED:
        return "Unauthenticated";
    case STUN_CODE_FORBIDDEN:
        return "Forbidden";
    case STUN_CODE_UNKNOWN_ATTRIBUTE:
        return "Unknown Attribute";
    case STUN_CODE_ALLOCATION_MISMATCH:
        return "Allocation Mismatch";
    case STUN_CODE_STALE_NONCE:
        return "Stale Nonce";
    case STUN_CODE_FAMILY_UNSUPPORTED:
        return "Address Family not Supported";
    case STUN_CODE_WRONG_CREDENTIALS:
        return "Wrong Credentials";
    case STUN_CODE_TRANSPORT_UNSUPPORTED:
        return "Unsupported Transport Protocol";
    case STUN_CODE_PEER_FAMILY_MISMATCH:
        return "Peer Address Family Mismatch";
    case STUN_CODE_CONNECTION_EXISTS:
        return "Connection Already Exists";
    case STUN_CODE_CONNECTION_FAILED:
        return "Connection Timeout or Failure";
    case STUN_CODE_QUOTA_REACHED:
        return "Allocation Quota Reached";
    case STUN_CODE_ROLE_CONFLICT:
        return "Role Conflict";
    case STUN_CODE_SERVER_ERROR:
        return "Server Error";
    case STUN_CODE_INSUFFICIENT_CAPACITY:
        return "Insufficient Capacity";
    default:
        return "";
    }
}
