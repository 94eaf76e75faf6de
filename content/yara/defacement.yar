// SPDX-License-Identifier: EUPL-1.2

rule defaced_page : defacement
{
	meta:
		description = "Web page that says it was hacked"
		title_vi = "Trang web bị thay đổi giao diện (deface)"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1491/002/"
	strings:
		$html = /<(html|head|title|body)[ >]/ nocase
		$title = /<title>[^<]{0,60}\b(hacked|h4cked|owned|0wned|defaced|pwned|pwn3d)( by|[^a-z<]{1,3}by)\b/ nocase
		$title_vi = /<title>[^<]{0,60}(bị hack|đã bị tấn công bởi|hack bởi)/ nocase
		$by = /\b(hacked|h4cked|defaced|pwned|owned|stamped) by\b/ nocase
		$by_vi = /(đã )?bị hack bởi/
		$a1 = /\b(greetz|gr33tz|greets|gretz) ?(to|:|fly)/ nocase
		$a2 = "zone-h" nocase
		$a3 = "zone-xsec" nocase
		$a4 = /security is (just )?an illusion/ nocase
		$a5 = /\bcyber (army|team|crew)\b/ nocase
		$a6 = /\b(your|this) (site|security|system|server|website) (is|was|has been|got) (low|weak|hacked|owned|pwned|stamped)/ nocase
		$a7 = /we are (anonymous|legion)/ nocase
		$a8 = /\bmirror-h\b|\bdefacer\b/ nocase
	condition:
		filesize < 512KB and $html and ($title or $title_vi or ($by_vi and $html) or ($by and 2 of ($a*)))
}

rule hidden_gambling_links : defacement
{
	meta:
		description = "Web page with hidden links to gambling sites: somebody else writes on the server"
		title_vi = "Trang web bị chèn liên kết cờ bạc ẩn"
		author = "Khiên"
		level = "medium"
		reference = "https://attack.mitre.org/techniques/T1608/006/"
	strings:
		$hidden = /(position[ \t]{0,2}:[ \t]{0,2}(absolute|fixed)[^"'<>]{0,60}(left|top|text-indent)[ \t]{0,2}:[ \t]{0,2}-[0-9]{3,5}|display[ \t]{0,2}:[ \t]{0,2}none|font-size[ \t]{0,2}:[ \t]{0,2}0|visibility[ \t]{0,2}:[ \t]{0,2}hidden)[^<>]{0,80}>[ \t\r\n]{0,20}<a[ \t]/ nocase
		$link = /<a[ \t][^<>]{0,200}href[^<>]{0,300}>[^<]{0,60}(nhà cái|cá cược|casino trực tuyến|tài xỉu|nổ hũ|xóc đĩa|lô đề|slot gacor|judi online|situs slot|baccarat|kèo nhà cái|bắn cá đổi thưởng)/ nocase
	condition:
		filesize < 2MB and $hidden and #link >= 3
}
