/* RTP and RTCP. Neither says by its bytes alone that it is: RTP has two bits of version, and any datagram may begin
 * with them. So RTP is taken where the payload type is one that is in use and both ports are such as media has; RTCP
 * has its chain of lengths to show for itself. Last of the decoders, for what nobody else has taken. */
#include "proto/rtp/describe.h"
#include "scenarios/runner/story/decode.h"

enum { FIRST_PORT = 1024, FIRST_DYNAMIC = 96 };

static bool
is_in_use(unsigned payload_type)
{
    return rtp_codec_of(payload_type) || payload_type == RTP_PAYLOAD_TYPE_NOISE || payload_type >= FIRST_DYNAMIC;
}

static bool
take_rtp(struct decoding *decoding, struct span data)
{
    struct rtp_packet packet;

    if (decoding->flow.source_port < FIRST_PORT || decoding->flow.destination_port < FIRST_PORT ||
        rtp_packet_decode(data, &packet) != RTP_FAULT_NONE || !is_in_use(packet.payload_type))
        return false;
    decoding->protocol = "rtp";
    rtp_packet_say(&packet, decoding->summary);
    decoding->out->open(decoding->out, "RTP");
    rtp_packet_fields(&packet, decoding->out);
    decoding->out->close(decoding->out);
    return true;
}

static bool
take_rtcp(struct decoding *decoding, struct span data)
{
    struct rtcp_reader reader, again;

    if (rtcp_begin(&reader, data) != RTCP_FAULT_NONE)
        return false;
    again = reader;
    decoding->protocol = "rtcp";
    rtcp_say(&reader, decoding->summary);
    decoding->out->open(decoding->out, "RTCP");
    rtcp_fields(&again, decoding->out);
    decoding->out->close(decoding->out);
    return true;
}

bool
decode_media(struct decoding *decoding, struct span data)
{
    enum rtp_sort sort = decoding->stream ? RTP_SORT_OTHER : rtp_sort_of(data);

    if (sort == RTP_SORT_OTHER)
        return false;
    g_string_truncate(decoding->summary, 0);
    return sort == RTP_SORT_RTP ? take_rtp(decoding, data) : take_rtcp(decoding, data);
}
