// SPDX-License-Identifier: EUPL-1.2

rule ransom_note_english : ransomware
{
	meta:
		description = "Note that files are encrypted and money is wanted (English)"
		title_vi = "Thư tống tiền: dữ liệu đã bị mã hóa (tiếng Anh)"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1486/"
	strings:
		$done = /\b(your|all|important)( (your|of|important|personal|company|network|server|computer|corporate|documents,?|photos,?|databases,?|and|other)){0,8} (files?|data|documents?|network|systems?|servers?) (has been|have been|was|were|are|is)( now)? (encrypted|locked|stolen)/ nocase ascii wide
		$back1 = /\b(decrypt(ion|or|er)?|recover|restore|unlock)( \w{1,12}){0,4} (key|tool|software|program|files|data)\b/ nocase ascii wide
		$back2 = /\bprivate key\b/ nocase ascii wide
		$pay1 = /\b(bitcoins?|btc|monero|xmr) (address|wallet|to|is|payment)\b/ nocase ascii wide
		$pay2 = /\b[a-z2-7]{56}\.onion\b/ nocase ascii wide
		$pay3 = /\btor browser\b/ nocase ascii wide
		$pay4 = /\b(pay|payment|ransom|price)\b[^\r\n]{0,60}\b(bitcoins?|btc|monero|xmr|usd|\$ ?[0-9])/ nocase ascii wide
		$threat1 = /do not (rename|modify|try to decrypt|delete|attempt|use third)/ nocase ascii wide
		$threat2 = /\b(publish|leak|sell|sold|published)\b[^\r\n]{0,60}\b(data|files|documents|information)\b/ nocase ascii wide
		$threat3 = /\b(free|test) decryption\b|\bdecrypt[^\r\n]{0,30} for free\b/ nocase ascii wide
		$contact = /\b(contact|write|e-?mail) (us|to us|our|to)\b/ nocase ascii wide
	condition:
		filesize < 64KB and $done and any of ($back*) and any of ($pay*, $contact) and any of ($pay*, $threat*) and
		2 of ($pay*, $threat*, $contact)
}

rule ransom_note_vietnamese : ransomware
{
	meta:
		description = "Note that files are encrypted and money is wanted (Vietnamese, with or without accents)"
		title_vi = "Thư tống tiền: dữ liệu đã bị mã hóa (tiếng Việt, có dấu hoặc không dấu)"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1486/"
	strings:
		$done1 = /(dữ liệu|tệp|tập tin|tài liệu|hệ thống|máy chủ|file)[^\r\n.]{0,60}(đã bị|đã được|bị|được chúng tôi|đều bị) ?(chúng tôi )?(mã hóa|mã hoá|khóa|khoá)/ nocase
		$done4 = /(DỮ LIỆU|TỆP|TẬP TIN|TÀI LIỆU|HỆ THỐNG|MÁY CHỦ)[^\r\n.]{0,60}BỊ (MÃ HÓA|MÃ HOÁ|KHÓA|KHOÁ)/
		$done2 = /\b(du lieu|tep|tap tin|tai lieu|he thong|may chu|file)\b[^\r\n.]{0,60}\b(da bi|bi|deu bi) (ma hoa|khoa)\b/ nocase ascii wide
		// "đã bị mã hóa" in UTF-16
		$done3 = { 11 01 E3 00 20 00 62 00 CB 1E 20 00 6D 00 E3 00 20 00 68 00 F3 00 61 00 }
		$back1 = /giải mã|GIẢI MÃ/ nocase
		$back2 = /khôi phục|KHÔI PHỤC/ nocase
		$back3 = "khóa giải" nocase
		$back4 = /\bgiai ma\b|\bkhoi phuc\b/ nocase ascii wide
		$back5 = { 69 00 A3 1E 69 00 20 00 6D 00 E3 00 }
		$pay1 = /tiền chuộc|TIỀN CHUỘC/ nocase
		$pay2 = /\btien chuoc\b/ nocase ascii wide
		$pay3 = /\b(bitcoin|btc|monero|usdt)\b/ nocase ascii wide
		$pay4 = /\b[a-z2-7]{56}\.onion\b/ nocase ascii wide
		$pay5 = /\btor browser\b/ nocase ascii wide
		$threat1 = /(công khai|rao bán|phát tán|đăng tải)[^\r\n.]{0,40}(dữ liệu|tài liệu|thông tin)/ nocase
		$threat2 = /(không|đừng)[^\r\n.]{0,20}(đổi tên|tự giải mã|tắt máy|báo công an|báo cảnh sát)/ nocase
		$threat3 = /\b(khong|dung)\b[^\r\n.]{0,20}(doi ten|tu giai ma|tat may|bao cong an)/ nocase
		$contact = /(liên hệ|lien he)[^\r\n]{0,60}(@|telegram|session|tox|zalo)/ nocase
		$hours = /trong (vòng )?[0-9]{1,3} ?(giờ|tiếng|ngày)/ nocase
	condition:
		filesize < 64KB and any of ($done*) and any of ($back*) and any of ($pay*, $contact) and
		2 of ($pay*, $threat*, $contact, $hours)
}
