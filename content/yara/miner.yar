// SPDX-License-Identifier: EUPL-1.2

rule miner_elf : miner
{
	meta:
		description = "Program for Linux that mines coins"
		title_vi = "Chương trình đào tiền ảo trên Linux"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1496/"
	strings:
		$pool1 = "stratum+tcp://" nocase
		$pool2 = "stratum+ssl://" nocase
		$pool3 = "mining.subscribe"
		$pool4 = "mining.authorize"
		$a1 = "donate-level" nocase
		$a2 = "xmrig" nocase
		$a3 = "randomx" nocase
		$a4 = "cryptonight" nocase
		$a5 = "cn-heavy" nocase
		$a6 = "nicehash" nocase
		$a7 = "\"hashrate\""
		$a8 = "kawpow" nocase
		$a9 = "rx/0"
	condition:
		uint32(0) == 0x464c457f and filesize < 64MB and any of ($pool*) and 3 of ($a*)
}

rule miner_elf_packed : miner
{
	meta:
		description = "Packed program for Linux with the words of a coin miner in the clear"
		title_vi = "Chương trình Linux nén bằng UPX có dấu hiệu đào tiền ảo"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1027/002/"
	strings:
		$upx = "UPX!"
		$upx_text = "This file is packed with the UPX executable packer"
		$a1 = "stratum+" nocase
		$a2 = "xmrig" nocase
		$a3 = "donate-level" nocase
		$a4 = "cryptonight" nocase
		$a5 = "randomx" nocase
		$a6 = "minexmr" nocase
		$a7 = "supportxmr" nocase
		$a8 = /pool\.[a-z0-9.-]{3,40}:[0-9]{2,5}/ nocase
	condition:
		uint32(0) == 0x464c457f and filesize < 32MB and #upx >= 2 and ($upx_text or $upx in (0..1024)) and 2 of ($a*)
}

rule miner_config : miner
{
	meta:
		description = "Configuration of a coin miner: pool, wallet, algorithm"
		title_vi = "Cấu hình đào tiền ảo: máy chủ đào, ví, thuật toán"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1496/"
	strings:
		$url = /"url"[ \t]{0,2}:[ \t]{0,2}"(stratum\+(tcp|ssl):\/\/)?[a-z0-9.-]{3,80}:[0-9]{2,5}"/ nocase
		$user = /"user"[ \t]{0,2}:[ \t]{0,2}"[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}/
		$pools = /"pools"[ \t]{0,2}:/
		$donate = /"donate-level"[ \t]{0,2}:/
		$algorithm = /"(algo|coin)"[ \t]{0,2}:[ \t]{0,2}"?(rx\/|randomx|cn\/|cryptonight|monero|kawpow|ghostrider|null)/ nocase
		$command = /-o[ \t]{1,2}(stratum\+(tcp|ssl):\/\/)?[a-z0-9.-]{3,80}:[0-9]{2,5}[ \t]{1,2}[^\r\n]{0,80}-u[ \t]{1,2}[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}/
	condition:
		filesize < 256KB and ($command or ($pools and $url and ($user or ($donate and $algorithm))))
}
