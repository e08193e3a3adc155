# Reads mails from standard input (a JSON array of Base64 strings) and writes what Email::MIME makes of them, as JSON.
# Debian: libemail-mime-perl (with libemail-address-xs-perl).
use strict;
use warnings;
use Email::Address::XS;
use Email::MIME;
use JSON::PP;
use MIME::Base64;

local $/;
my $mails = decode_json(<STDIN>);
my @results;

sub boxes {
    my ($mail, $name) = @_;
    my @values = $mail->header_raw($name);
    return [map { [Email::MIME::Encode::mime_decode($_->phrase // ''), $_->address // ''] }
            map { Email::Address::XS->parse($_) } @values];
}

for my $data (@$mails) {
    my $mail = Email::MIME->new(decode_base64($data));
    my ($text, $html, @images) = ('', '');
    $mail->walk_parts(sub {
        my ($part) = @_;
        my $type = $part->content_type // '';
        if ($part->subparts) { return }
        elsif ($type =~ m{^text/plain}) { $text = $part->body_str }
        elsif ($type =~ m{^text/html}) { $html = $part->body_str }
        else { push @images, [scalar $part->header_raw('Content-ID'), encode_base64($part->body, '')] }
    });
    push @results, {
        subject => $mail->header_str('Subject') // '',
        from => boxes($mail, 'From'),
        to => boxes($mail, 'To'),
        reply_to => boxes($mail, 'Reply-To'),
        message_id => $mail->header_raw('Message-ID') // '',
        list_id => $mail->header_str('List-Id') // '',
        text => $text,
        html => $html,
        images => \@images,
        names => [map { lc } $mail->header_names],
    };
}
print encode_json(\@results);
